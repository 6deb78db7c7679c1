"""The test kit: what one needs to test agents, and muster with agents, without a provider and without a key."""
