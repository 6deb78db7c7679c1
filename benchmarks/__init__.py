"""Measurements of muster against its peers and against what the machine allows.

Run as `python -m benchmarks [names...] [--quick] [--json FILE]`. Nothing here is imported by `muster`.
"""
