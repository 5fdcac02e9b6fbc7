"""What the verifier says of a trace's final answer."""
