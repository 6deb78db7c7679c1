"""A command line read as a shell would read it, far enough to say what it may do. It never raises, whatever is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_BLANK_VARIABLE: Final = re.compile(r"\$\{IFS\}|\$IFS(?![A-Za-z0-9_])")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!_-]")
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_BRACES: Final = re.compile(r"\{[^{}\s]*,[^{}\s]*\}")
_REDIRECT: Final = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>")
_LEADING: Final = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!", "{", "}", "time"})
_LISTS: Final = frozenset({"for", "select", "case", "function", "fi", "done", "esac"})
_GOALS: Final = {"<": "reads", "<<": "mark", "<<-": "mark", "<<<": "given", "<&": "copy", ">&": "copy"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes. `plain`: it stands for exactly this; else a part of it is known only when it runs."""

    text: str
    plain: bool = True


@dataclass(slots=True)
class Part:
    """One command of a line: its words, where it writes to and reads from, and command lines inside of its words."""

    words: list[Word] = field(default_factory=list[Word])
    writes: list[Word] = field(default_factory=list[Word])
    reads: list[Word] = field(default_factory=list[Word])
    inner: list[str] = field(default_factory=list[str])
    given: list[str] = field(default_factory=list[str])
    """Texts it is given as its input, by `<<` or `<<<`."""
    piped: bool = False
    """Its input is what the part before it writes."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.words or self.writes or self.reads or self.inner or self.given)


@dataclass(slots=True)
class Line:
    """All parts. `broken`: a quote or a bracket is never closed. `hidden`: it has characters that are not seen."""

    parts: list[Part]
    broken: bool = False
    hidden: bool = False


def read_line(text: str) -> Line:
    """The parts of a command line, in order."""
    scanner = _Scanner(_BLANK_VARIABLE.sub(" ", text))
    scanner.scan()
    parts = [part for part in scanner.parts if _trim(part)]
    return Line(parts, scanner.broken, _HIDDEN.search(text) is not None)


def _trim(part: Part) -> bool:
    """Take away what belongs to the shell's own grammar; whether something is left."""
    while part.words and part.words[0].text in _LEADING:
        del part.words[0]
    if part.words and part.words[0].text in _LISTS:
        del part.words[:]
    return not part.empty


class _Scanner:
    """Goes over the text once."""

    def __init__(self, text: str) -> None:
        self.parts: list[Part] = []
        self.broken = False
        self._text = text
        self._at = 0
        self._part = Part()
        self._letters: list[str] | None = None
        self._plain = True
        self._goal = "words"
        self._marks: list[tuple[str, Part]] = []

    def scan(self) -> None:
        """To the end of the text."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "\\'\"`$":
                self._special(char, quoted=False)
            elif _REDIRECT.match(self._text, self._at):
                self._redirect()
            elif char in " \t\r\n;|&()":
                self._between(char)
            elif char == "#" and self._letters is None:
                self._at = self._find("\n", self._at)
            else:
                self._take(char)
        self._end_part(piped=False)

    def _find(self, text: str, start: int) -> int:
        found = self._text.find(text, start)
        return len(self._text) if found < 0 else found

    def _take(self, text: str, length: int | None = None, *, plain: bool = True) -> None:
        self._letters = self._letters or []
        self._letters.append(text)
        self._plain = self._plain and plain
        self._at += len(text) if length is None else length

    def _special(self, char: str, *, quoted: bool) -> None:
        after = self._text[self._at + 1 : self._at + 2]
        if char == "\\":
            self._take("" if after == "\n" else after, 2)
        elif char == "'":
            self._upto("'", self._at + 1, plain=True)
        elif char == '"':
            self._double()
        elif char == "`":
            self._inside("`", self._at + 1)
        elif after == "(":
            self._inside(")", self._at + 2)
        elif after == "{":
            self._inside("}", self._at + 2)
        elif after == "'" and not quoted:
            self._upto("'", self._at + 2, plain=False)
        else:
            self._variable()

    def _upto(self, end: str, start: int, *, plain: bool) -> None:
        close = self._find(end, start)
        self.broken = self.broken or close == len(self._text)
        self._take(self._text[start:close], close + 1 - self._at, plain=plain)

    def _double(self) -> None:
        self._take("", 1)
        while self._at < len(self._text) and self._text[self._at] != '"':
            char = self._text[self._at]
            if char in "\\`$":
                self._special(char, quoted=True)
            else:
                self._take(char)
        self.broken = self.broken or self._at >= len(self._text)
        self._at += 1

    def _variable(self) -> None:
        name = _NAME.match(self._text, self._at + 1)
        if name is None:
            self._take("$")
        else:
            self._take(f"${name[0]}", plain=False)

    def _inside(self, end: str, start: int) -> None:
        """A substitution: what is in it may be a command line."""
        close = self._closing(end, start)
        text = self._text[start:close]
        if end != "}" or "$(" in text or "`" in text:
            self._part.inner.append(text if end != "}" else text[text.find("`" if "`" in text else "$(") :])
        self._take(self._text[self._at : close + 1], close + 1 - self._at, plain=False)

    def _closing(self, end: str, start: int) -> int:
        """Where the bracket that was opened before `start` is closed."""
        opening = {")": "(", "}": "{", "`": ""}[end]
        depth, at = 1, start
        while at < len(self._text):
            char = self._text[at]
            if char == "\\":
                at += 1
            elif char == "'" and end != "`":
                at = self._find("'", at + 1)
            elif char == end:
                depth -= 1
                if depth == 0:
                    return at
            elif char == opening:
                depth += 1
            at += 1
        self.broken = True
        return len(self._text)

    def _between(self, char: str) -> None:
        self._end_word()
        pair = self._text[self._at : self._at + 2]
        self._at += 2 if pair in {"&&", "||", "|&", ";;"} else 1
        if char in " \t\r":
            return
        self._end_part(piped=char == "|" and pair != "||")
        if char == "\n":
            self._heredocs()

    def _redirect(self) -> None:
        found = _REDIRECT.match(self._text, self._at)
        sign = found[0] if found else ""
        if self._text[self._at + 1 : self._at + 2] == "(" and sign in "<>":
            self._inside(")", self._at + 2)
            return
        if self._letters is not None and "".join(self._letters).isdigit():
            self._letters = None
        self._end_word()
        self._goal = _GOALS.get(sign, "writes")
        self._at += len(sign)

    def _end_word(self) -> None:
        if self._letters is None:
            return
        word = Word("".join(self._letters), self._plain)
        self._letters, self._plain, goal, self._goal = None, True, self._goal, "words"
        if goal == "mark":
            self._marks.append((word.text, self._part))
        elif goal == "given":
            self._part.given.append(word.text)
        elif goal == "writes" or (goal == "copy" and word.text.strip("0123456789-")):
            self._part.writes.append(word)
        elif goal == "reads":
            self._part.reads.append(word)
        elif goal == "words":
            self._part.words += _unfolded(word)

    def _end_part(self, *, piped: bool) -> None:
        self._end_word()
        self._goal = "words"
        if not self._part.empty or self._marks:
            self.parts.append(self._part)
        self._part = Part(piped=piped)

    def _heredocs(self) -> None:
        """The texts of `<<` begin on the line after it."""
        for mark, part in self._marks:
            lines: list[str] = []
            while self._at < len(self._text):
                end = self._find("\n", self._at)
                line = self._text[self._at : end]
                self._at = end + 1
                if line.strip("\t") == mark:
                    break
                lines.append(line)
            part.given.append("\n".join(lines))
        self._marks.clear()


def _unfolded(word: Word) -> list[Word]:
    """`{a,b}` alone is two words; as a part of one it is known only when it runs."""
    if _BRACES.fullmatch(word.text):
        return [Word(text, word.plain) for text in word.text[1:-1].split(",") if text]
    return [Word(word.text, plain=False) if _BRACES.search(word.text) else word]
