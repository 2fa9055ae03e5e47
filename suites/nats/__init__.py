"""What NATS alone promises, and what it does not."""
