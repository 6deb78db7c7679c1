"""What is measured in process: peers, bare reference stores, and muster's own store."""
