"""Git: working copies for attempts, what changed in them, and where their work goes."""
