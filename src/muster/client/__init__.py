"""Typed client of the native API."""
