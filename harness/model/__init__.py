"""The words of the domain as plain data: no client, no engine, no I/O."""
