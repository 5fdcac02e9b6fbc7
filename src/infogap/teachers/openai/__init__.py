"""Teachers behind the OpenAI protocol: one server or a fleet of them."""
