"""Composition root: settings become a running system. The only place where settings and the environment are read."""
