"""Where work runs: drivers from plain process to namespaces, behind one contract."""
