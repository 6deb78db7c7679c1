"""The write side: one function per command, one module per noun."""
