"""The ordered record of a case: written as it happens, merged at the end, read back to be judged."""
