"""Clients fail: consumers and producers die, freeze, come and go."""
