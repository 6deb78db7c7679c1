"""The script index: self-describing scripts of the configured folders. Files are the source of truth."""
