"""Pure rules: values in, values out; no I/O, clock, asyncio or randomness."""
