"""What is not acknowledged comes again; what never can be is set aside."""
