"""Who does the work: what to start for a task, and how to read what it says."""
