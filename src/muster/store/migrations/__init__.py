"""Changes of the schema, oldest first. Run by `muster.store.migrate`; nothing else starts them."""
