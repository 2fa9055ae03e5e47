"""One node fails."""
