"""Every recorded stream gives the entries, the verdict and the messages to the agent that are written down for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.golden import rendered
from tests.agents.recordings import Recording, recordings

ALL = pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
LONGEST_BY_BYTE = 40_000


@ALL
def test_a_recorded_stream_gives_what_is_written_down(recording: Recording) -> None:
    """When a change is meant: `python -m tests.agents.golden --write`, and read the diff."""
    assert rendered(recording.play()).splitlines() == recording.golden.read_bytes().splitlines()


@ALL
def test_the_pieces_a_stream_comes_in_do_not_matter(recording: Recording) -> None:
    size = 1 if recording.path.stat().st_size < LONGEST_BY_BYTE else 97

    def cut(line: bytes) -> Iterator[bytes]:
        return (line[at : at + size] for at in range(0, len(line), size))

    assert rendered(recording.play(cut)) == recording.golden.read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(recording=st.sampled_from(recordings()), data=st.data())
def test_random_pieces_do_not_matter(recording: Recording, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5000), min_size=1, max_size=6))

    def cut(line: bytes) -> Iterator[bytes]:
        at = turn = 0
        while at < len(line):
            size = sizes[turn % len(sizes)]
            yield line[at : at + size]
            at, turn = at + size, turn + 1

    assert rendered(recording.play(cut)) == recording.golden.read_bytes()


def test_every_expectation_has_its_stream() -> None:
    known = {recording.golden for recording in recordings()}
    folders = {path.parent for path in known}
    assert {path for folder in folders for path in folder.glob("*.json")} == known
