"""Every recorded stream gives the entries it is known to give, however its bytes arrive (SW-4j, OD-27)."""

from __future__ import annotations

import json

import pytest

from tests.agents.golden import Recording, recordings, replay, told

ALL = list(recordings())


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
class TestRecordings:
    def test_gives_the_entries_it_is_known_to_give(self, recording: Recording) -> None:
        assert told(recording) == json.loads(recording.golden.read_text())

    @pytest.mark.parametrize("size", [1, 7, 4096])
    def test_the_pieces_its_bytes_come_in_do_not_matter(self, recording: Recording, size: int) -> None:
        whole = replay(recording.conversation(), recording.output(), recording.ended)
        assert replay(recording.conversation(), recording.output(), recording.ended, size) == whole

    def test_nothing_of_it_is_unknown(self, recording: Recording) -> None:
        assert [entry for entry in told(recording)["entries"] if entry["kind"] == "unknown"] == []
