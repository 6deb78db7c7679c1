"""Tables, records and what a terminal is protected from."""

from __future__ import annotations

import json

import pytest

from muster.cli.output import Column, Output, cell, duration, fitting, money, plain_table, shortened, since
from muster.cli.task_ids import AmbiguousId, match_part
from muster.cli.task_text import instruction_lines, task_lines
from muster.domain.errors import InvalidInput, NotFound

ROWS = [{"id": "tsk_1", "n": 5}, {"id": "tsk_22", "n": 123}]
COLUMNS = (Column("id", "id"), Column("n", "n", right=True), Column("gone", "gone"))


def test_a_plain_table_has_aligned_columns() -> None:
    assert plain_table(ROWS, COLUMNS) == [
        "ID        N  GONE",
        "tsk_1     5  -",
        "tsk_22  123  -",
    ]


def test_a_narrow_terminal_leaves_out_spare_columns_and_keeps_the_others_readable() -> None:
    columns = (
        Column("id", "id"),
        Column("n", "n", spare=True),
        Column("note", lambda _: "x" * 50, flexible=True),
        Column("age", lambda _: "2m ago", spare=True),
    )
    shown = {
        width: [column.heading for column in fitting(ROWS, columns, width)] for width in (41, 40, 33, 20)
    }
    assert shown == {
        41: ["id", "n", "note", "age"],
        40: ["id", "n", "note"],
        33: ["id", "n", "note"],
        20: ["id", "note"],
    }


def test_a_table_as_json_is_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).table(ROWS, COLUMNS, empty="none")
    assert json.loads(capsys.readouterr().out) == ROWS


def test_an_empty_table_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table([], COLUMNS, empty="No tasks.")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "No tasks.\n")


def test_titles_cannot_steer_the_terminal() -> None:
    assert cell("a\x1b[2Jb\r\nc\u202e") == "a [2Jb  c "


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        ([], "-"),
        (True, "yes"),
        (1.50, "1.5"),
        (["a", 1], "a, 1"),
        ({"a": 1}, '{"a": 1}'),
        (0, "0"),
    ],
)
def test_cells(value: object, expected: str) -> None:
    assert cell(value) == expected


def test_short_forms() -> None:
    assert [duration(s) for s in (5, 60, 3599, 3600, 100_000, 200_000)] == [
        "5s",
        "1m",
        "59m",
        "1h",
        "27h",
        "2d",
    ]
    assert [money(v) for v in (0, 1.5, -0.5, 0.000123, None)] == [
        "$0.00",
        "$1.50",
        "-$0.50",
        "$0.000123",
        "-",
    ]
    assert shortened("abcdef", 4) == "abc…"
    assert since("2020-01-01T00:00:00.000Z").endswith("d ago")
    assert since("2999-01-01T00:00:00.000Z").startswith("in ")


def test_a_record_leaves_out_what_is_empty_and_indents_what_is_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().record({}, [("id", "x"), ("nothing", None), ("text", "one\ntwo")])
    assert capsys.readouterr().out == "id    x\ntext  one\n      two\n"


class TestShortIds:
    """An id may be given by a part that only one recent task has."""

    KNOWN = ("tsk_0dq3m8x1c7w00", "tsk_0dq3m8x1c7w01", "tsk_0dq3m9zzzzw00")

    @pytest.mark.parametrize(
        ("part", "index"), [("c7w01", 1), ("zzz", 2), ("tsk_0dq3m9", 2), ("0dq3m8x1c7w00", 0), ("1c7w00", 0)]
    )
    def test_a_part_of_one_id_is_that_id(self, part: str, index: int) -> None:
        assert match_part(part, self.KNOWN) == self.KNOWN[index]

    def test_a_part_of_several_names_them(self) -> None:
        with pytest.raises(AmbiguousId, match=r"several recent tasks: tsk_0dq3m8x1c7w00, tsk_0dq3m8x1c7w01"):
            match_part("0dq3m8", self.KNOWN)

    def test_a_part_of_none_is_not_found_and_a_short_one_is_refused(self) -> None:
        with pytest.raises(NotFound):
            match_part("hello", self.KNOWN)
        with pytest.raises(InvalidInput, match="too short"):
            match_part("w0", self.KNOWN)


def test_a_claimed_task_is_printed_with_its_prompt_between_markers() -> None:
    """SQ-10: id, class, timeout, prompt between markers, and how to report."""
    claim = {
        "task_id": "tsk_0dq3m8x1c7w00",
        "title": "Review",
        "description": "Read it.\nSay what is wrong.",
        "task_class": "LLM_LITE",
        "timeout_seconds": 300,
        "number": 2,
        "max_attempts": 3,
        "payload": {"inputs": {"a": 1}},
        "earlier_attempts": [{"number": 1, "state": "failed", "error": "gave up"}],
        "required_files": ["report.md"],
    }
    text = "\n".join(task_lines(claim))
    prompt = text.split("----- BEGIN PROMPT tsk_0dq3m8x1c7w00 -----\n")[1].split("\n----- END PROMPT")[0]
    assert prompt == 'Read it.\nSay what is wrong.\n\nInputs: {"a": 1}'
    for wanted in (
        "TASK tsk_0dq3m8x1c7w00",
        "class:    LLM_LITE",
        "timeout:  5m",
        "earlier:  try 1 failed: gave up",
        "Must exist afterwards: report.md",
        "muster complete tsk_0dq3m8x1c7w00 ",
        "muster fail tsk_0dq3m8x1c7w00 ",
    ):
        assert wanted in text
    assert "Be kind." in list(instruction_lines("q", "Be kind."))
