"""Server-side loops: clocks, seals, read models, retention."""
