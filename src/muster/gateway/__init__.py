"""The model gateway beside each worker: the one way out to models, and the ledger of what they cost."""
