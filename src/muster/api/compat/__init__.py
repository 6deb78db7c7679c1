"""Dialects that existing clients speak: Mission Control, Swarm, SparkQ."""
