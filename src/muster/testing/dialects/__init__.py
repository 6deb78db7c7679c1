"""The dialects of the scripted model server: reading a call, and writing its answer whole or as a stream."""
