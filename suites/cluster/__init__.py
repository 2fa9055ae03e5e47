"""A cluster of three loses a node, a role, or its unity."""
