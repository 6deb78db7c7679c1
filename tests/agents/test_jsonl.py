"""Lines of JSON from a pipe."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muster.agents.jsonl import Lines, decode, encode, shown


def split(pieces: list[bytes], limit: int = 1000) -> list[bytes]:
    lines = Lines(limit)
    return [line for piece in pieces for line in lines.feed(piece)] + lines.flush()


@given(st.lists(st.binary(max_size=30)), st.data())
def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert split(pieces) == split([whole]) == [line for line in whole.split(b"\n") if line.strip()]


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() -> None:
    assert split([b"a" * 30, b"b" * 30 + b"\nnext\n"], limit=40) == [b"a" * 30 + b"b" * 10, b"next"]
    assert split([b"x\n" + b"a" * 90 + b"\nnext"], limit=40) == [b"x", b"a" * 40, b"next"]


def test_an_object_survives_bytes_that_are_not_utf_8_and_lone_surrogates() -> None:
    assert decode(b'{"a":"\xff"}') == {"a": "�"}
    assert decode(b'{"a":"\\ud800"}') == {"a": "?"}
    assert decode(b'{"a":"tab\there"}') == {"a": "tab\there"}


@given(st.binary(max_size=60))
def test_what_is_no_object_is_none_and_nothing_raises(line: bytes) -> None:
    value = decode(line)
    assert value is None or isinstance(value, dict)
    assert decode(b"[" * 100_000) is None
    assert decode(b'{"a":NaN}') is None


def test_a_long_line_is_shown_in_part() -> None:
    assert shown(b"ok\xff") == "ok�"
    assert shown(b"a" * 10_000).endswith("a ... (1808 bytes more)")


def test_messages_are_written_as_lines() -> None:
    assert encode({"a": 1}, {"b": "é\n"}) == b'{"a":1}\n' + '{"b":"é\\n"}\n'.encode()
