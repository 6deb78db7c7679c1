"""One module a change. Its revision is the next number, four digits; a released one is never edited."""
