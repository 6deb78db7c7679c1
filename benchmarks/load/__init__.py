"""Load on a server over loopback: the same tool against muster and against a bare ASGI application."""
