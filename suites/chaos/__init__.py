"""The harness itself is killed, and leaves nothing behind."""
