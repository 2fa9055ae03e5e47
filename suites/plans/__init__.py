"""Several faults, composed."""
