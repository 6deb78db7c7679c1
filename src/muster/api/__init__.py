"""The HTTP side: a guarded shell, the hot routes before the router, and the native API."""
