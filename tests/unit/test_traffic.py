"""Whether the bytes that a sandbox moves over its network are counted."""

from __future__ import annotations

from muster.domain.traffic import NO_NETWORK, NOT_HERE, traffic_problem


def test_what_goes_through_muster_is_counted() -> None:
    """OD-34: to the hosts it may reach, and to an agent's models"""
    assert traffic_problem("hosts", agent=False) is None
    assert traffic_problem("hosts", agent=True) is None
    assert traffic_problem("none", agent=True) is None


def test_where_nothing_can_be_counted_it_is_said() -> None:
    """OD-34: never 0 where nobody knows"""
    assert traffic_problem("open", agent=True) == NOT_HERE
    assert traffic_problem("open", agent=False) == NOT_HERE
    assert traffic_problem("none", agent=False) == NO_NETWORK
