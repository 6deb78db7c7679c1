"""The read side: queries over rows and read models folded from the log."""
