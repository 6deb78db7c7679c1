"""What an agent says of itself."""

from __future__ import annotations

from muster.domain.agent import Agent


def test_an_agent_needs_no_more_than_a_name() -> None:
    """MC-3"""
    assert Agent(name="Ann").status == "online"
    assert Agent(name="Ann", model="m", tokens_used=5).tokens_used == 5
