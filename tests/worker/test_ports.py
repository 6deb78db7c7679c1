"""Each attempt has ports of its own (SW-4i)."""

from __future__ import annotations

import socket

from muster.worker.ports import PortRanges
from tests.cli.live import free_port


def test_ranges_do_not_meet_and_come_back() -> None:
    ranges = PortRanges(31_000, 10)
    first, second = ranges.take(), ranges.take()
    assert second - first >= 10
    ranges.give_back(first)
    assert ranges.take() == first


def test_a_range_that_somebody_listens_in_is_passed_over() -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert PortRanges(port, 1).take() > port


def test_the_last_range_is_given_when_there_is_none_left() -> None:
    ranges = PortRanges(65_530, 5)
    assert ranges.take() == ranges.take() == 65_530
