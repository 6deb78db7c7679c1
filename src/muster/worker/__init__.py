"""Claims tasks over the API and runs them in sandboxes."""
