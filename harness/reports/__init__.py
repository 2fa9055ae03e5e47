"""What a person or another program reads of a run: handlers of one stream of events."""
