"""How risky it is to give leave: the grade, why in words, and what would be hit. Worked out from the request alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.domain.risk_commands import findings_of
from muster.domain.risk_places import Place, Side, is_secret
from muster.domain.risk_rules import LOCAL, READS, Finding, Risk, names
from muster.domain.shell_words import Word

__all__ = ["Grade", "Risk", "grade"]

MOST_REASONS: Final = 4
_ORDER: Final = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)
_READING: Final = names(
    "read grep glob ls search think todowrite todoread notebookread readfile read_file list_directory readmanyfiles "
    "read_many_files search_file_content"
)
_EDITING: Final = names(
    "edit write multiedit notebookedit apply_patch replace write_file move create str_replace_editor"
)
_REMOVING: Final = frozenset({"delete"})
_FETCHING: Final = names("fetch webfetch websearch web_fetch google_web_search")
_PATHS: Final = ("file_path", "path", "notebook_path", "absolute_path", "abs_path")
_DIFF_PATH: Final = re.compile(r"^(?:\+\+\+|---) (?:[ab]/)?(\S.*?)(?:\t.*)?$", re.MULTILINE)
_URL_HOST: Final = re.compile(r"[a-z]+://(?:[^/@\s]*@)?([^/:?#\s]+)", re.IGNORECASE)
_RUN_BY_OTHERS: Final = re.compile(
    r"(^|/)(\.github/workflows|\.gitlab-ci\.yml|\.husky|\.pre-commit-config\.yaml|\.envrc)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A level, the reasons for it (the worst first), and the name of what is hit; "" when it has none of its own."""

    level: Risk
    reasons: tuple[str, ...]
    target: str = ""


def grade(document: Mapping[str, Any], directory: str | None = None) -> Grade:
    """The grade of a request for leave. `directory` is the working copy as its agent sees it, when that is known."""
    tool = str(document.get("tool") or "").casefold()
    command, diff = str(document.get("command") or ""), str(document.get("diff") or "")
    given = document.get("input")
    fields = cast(dict[str, Any], given) if isinstance(given, dict) else dict[str, Any]()
    place = Place(directory)
    if command:
        where = fields.get("cwd") or fields.get("workdir")
        if isinstance(where, str) and where and directory is not None:
            place.go(Word(where))
        return _sum(findings_of(command, place))
    if diff or tool in _EDITING or tool in _REMOVING:
        return _sum(_edits(tool, diff, fields, place))
    if tool in _READING:
        return _sum(_looks(fields, place))
    if tool in _FETCHING:
        host = _URL_HOST.search(str(fields.get("url") or ""))
        return _sum([Finding(Risk.MEDIUM, "reaches the network", host[1] if host else "")])
    return _sum([Finding(Risk.MEDIUM, "uses a tool, and what that does is not known")])


def _edits(tool: str, diff: str, fields: Mapping[str, Any], place: Place) -> list[Finding]:
    named = [path for path in _DIFF_PATH.findall(diff) if path != "/dev/null"] or _named(fields)
    removes = tool in _REMOVING or re.search(r"^\+\+\+ /dev/null", diff, re.MULTILINE) is not None
    if not named:
        return [Finding(Risk.MEDIUM, "changes files, and which is not said")]
    found = [Finding(Risk.MEDIUM, "removes files", named[0])] if removes else []
    return found + [_edit(path, place) for path in dict.fromkeys(named)]


def _edit(path: str, place: Place) -> Finding:
    if place.side(Word(path)) is not Side.INSIDE:
        return Finding(Risk.HIGH, "writes outside of the working copy", path)
    if re.search(r"(^|/)\.git(/|$)", path):
        return Finding(Risk.HIGH, "changes git's own files", path)
    if is_secret(path):
        return Finding(Risk.MEDIUM, "changes a file with keys or passwords", path)
    if _RUN_BY_OTHERS.search(path):
        return Finding(Risk.MEDIUM, "changes what runs elsewhere by itself", path)
    return LOCAL


def _looks(fields: Mapping[str, Any], place: Place) -> list[Finding]:
    found: list[Finding] = [READS]
    for path in _named(fields):
        if is_secret(path):
            found.append(Finding(Risk.HIGH, "reads keys or passwords", path))
        elif place.side(Word(path)) is not Side.INSIDE:
            found.append(Finding(Risk.MEDIUM, "reads outside of the working copy"))
    return found


def _named(fields: Mapping[str, Any]) -> list[str]:
    return [path for name in _PATHS if isinstance(path := fields.get(name), str) and path]


def _sum(found: Sequence[Finding]) -> Grade:
    worst = max((_ORDER.index(one.level) for one in found), default=1)
    by_weight = sorted(found, key=lambda one: (-_ORDER.index(one.level), one == READS))
    shown = [one for one in by_weight if worst == 0 or one.level is not Risk.LOW]
    target = next((one.target for one in shown if one.target and _ORDER.index(one.level) == worst), "")
    reasons = tuple(dict.fromkeys(one.reason for one in shown))[:MOST_REASONS]
    return Grade(
        level=_ORDER[worst], reasons=reasons or ("says nothing of what it does",), target=target[:200]
    )
