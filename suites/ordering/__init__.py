"""In which order messages are stored and handed out."""
