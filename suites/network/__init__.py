"""The network between clients and broker fails."""
