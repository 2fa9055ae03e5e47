"""Self-tests of the faults: what each does to a node, seen without the node."""
