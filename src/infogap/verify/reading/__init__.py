"""What a stated answer or a gold answer says, read before anything is compared."""
