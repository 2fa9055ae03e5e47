"""What is published comes out: whole, to everybody who should have it, and to nobody else."""
