"""The scenario matrix: every scenario once, on every backend that has what it needs."""
