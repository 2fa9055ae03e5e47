"""What a test holds in its hands: a case, its phases, and the clusters it is leased."""
