"""Command lines are read as a shell would read them, and reading never raises (SW-1b)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from muster.domain.shell_words import Line, Word, read_line


def words(line: Line) -> list[list[str]]:
    return [[word.text for word in part.words] for part in line.parts]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ls -l | wc -l", [["ls", "-l"], ["wc", "-l"]]),
        ("a && b || c; d & e\nf", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("echo 'x y' \"z w\" a\\ b r''m", [["echo", "x y", "z w", "a b", "rm"]]),
        ("ls # all of it\nwc", [["ls"], ["wc"]]),
        ("a \\\n b", [["a", "", "b"]]),
        ("if true; then rm x; fi", [["true"], ["rm", "x"]]),
        ("for f in a b; do rm $f; done", [["rm", "$f"]]),
        ("f() { rm x; }", [["f"], ["rm", "x"]]),
        ("rm${IFS}-rf$IFS/", [["rm", "-rf", "/"]]),
        ("{rm,-rf,/}", [["rm", "-rf", "/"]]),
        ("echo $ a", [["echo", "$", "a"]]),
        ("\\", [[""]]),
        ("<", []),
        ("", []),
    ],
)
def test_words_are_those_of_a_shell(text: str, found: list[list[str]]) -> None:
    line = read_line(text)
    assert words(line) == found
    assert not line.broken


def test_what_is_known_only_when_it_runs_is_marked() -> None:
    (part,) = read_line('$X "a$Y" ${Z} $\'\\x72\' a{b,c} `id` $(id) "a\\"b" \'c\'').parts
    assert [word.plain for word in part.words] == [False] * 7 + [True] * 2
    assert part.words[-2:] == [Word('a"b'), Word("c")]
    assert part.inner == ["id", "id"]


def test_command_lines_within_words_are_found() -> None:
    (part,) = read_line("echo \"$(rm (a 'b)' \\) c))\" ${x:-$(id)} ${y:-`ls`} <(curl x) >(sh)").parts
    assert part.inner == ["rm (a 'b)' \\) c)", "$(id)", "`ls`", "curl x", "sh"]
    assert words(read_line("${a${b}}")) == [["${a${b}}"]]


def test_where_a_command_reads_and_writes_is_told() -> None:
    one, two = read_line("a 2> e >> f 3>&1 >&- &> g < i >&h | b <<< text").parts
    assert [word.text for word in one.writes] == ["e", "f", "g", "h"]
    assert [word.text for word in one.reads] == ["i"]
    assert (one.piped, two.piped, two.given) == (False, True, ["text"])
    assert words(Line([one])) == [["a"]]
    assert words(read_line("a 1b>c")) == [["a", "1b"]]


def test_texts_that_follow_a_command_belong_to_it() -> None:
    one, two = read_line("sh <<-A; cat <<'B'\nrm x\n\tA\ny\nB").parts
    assert (one.given, two.given) == (["rm x"], ["y"])
    assert read_line("sh <<A\nrm x").parts[0].given == ["rm x"]


@pytest.mark.parametrize("text", ["'a", '"a', "`a", "$(a", "${a", "$'a", '"$(a\'"', "a <(b"])
def test_what_is_never_closed_is_said(text: str) -> None:
    assert read_line(text).broken


def test_characters_that_are_not_seen_are_said() -> None:
    assert read_line("ls \u202e").hidden
    assert read_line("ls \x1b[8m").hidden
    assert not read_line("ls\t-l\n").hidden


@given(some.text(alphabet="ab $(){}<>'\"`\\|&;#\n,=-/1", max_size=60))
def test_reading_never_raises(text: str) -> None:
    assert isinstance(read_line(text), Line)
