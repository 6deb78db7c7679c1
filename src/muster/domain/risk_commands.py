"""What a command line may do, part by part. Whatever is not recognised is of medium risk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, assert_never

from muster.domain import risk_rules as rules
from muster.domain.risk_places import Place, Side, is_secret
from muster.domain.risk_rules import Finding, Risk
from muster.domain.shell_words import Part, Word, read_line

DEEPEST: Final = 5
LONGEST: Final = 20_000
"""Characters of a command line that are read."""
MOST_STARTS: Final = 12
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[[^\]]*\])?\+?=(.*)", re.DOTALL)
_HOST: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?(\[[^\]]+\]|[^/:?#\s]+)", re.IGNORECASE)
_LOGIN: Final = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)")
_OWN_FOLDERS: Final = ("/bin/", "/usr/bin/", "/usr/local/bin/", "/sbin/", "/usr/sbin/")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})
_SENDING: Final = re.compile(
    r"-[dFT]|--(data.*|form.*|json|upload-file|post-.*|body-.*)|-X|--request|--method.*|(POST|PUT|PATCH|DELETE)$"
)
_SQL: Final = re.compile(
    r"\b(drop|delete|truncate|alter|update|insert|grant|flushall|flushdb)\b", re.IGNORECASE
)
_RECURSIVE: Final = re.compile(r"-[a-zA-Z]*[rRf][a-zA-Z]*|--(recursive|force|no-preserve-root)")


def findings_of(command: str, place: Place, depth: int = 0) -> list[Finding]:
    """Everything a command line does that can be told, in order."""
    if depth > DEEPEST:
        return [rules.TOO_DEEP]
    line = read_line(command[:LONGEST])
    found = [rules.TOO_LONG] if len(command) > LONGEST else []
    if line.hidden:
        found.append(Finding(Risk.MEDIUM, "has characters that are not seen"))
    if line.broken:
        found.append(rules.UNREADABLE)
        bare = re.sub(r"[\"'`\\]|\$\(|\$\{", " ", command[:LONGEST])
        found += [] if read_line(bare).broken else findings_of(bare, replace(place), depth + 1)
    fetched = False
    for part in line.parts:
        if place.weary:
            return [*found, rules.TOO_LONG]
        now = _part(part, place, depth)
        if fetched and _runs_files(now):
            now.insert(0, Finding(Risk.HIGH, "runs what it fetches", _last_target(found)))
        fetched = fetched or _fetches(now)
        found += now
    return found


def _fetches(found: Sequence[Finding]) -> bool:
    return any(one.reason in {"reaches the network", "sends data away"} for one in found)


def _runs_files(found: Sequence[Finding]) -> bool:
    return any(not one.known or one == rules.SCRIPT for one in found)


def _last_target(found: Sequence[Finding]) -> str:
    return next((one.target for one in reversed(found) if one.target), "")


def _part(part: Part, place: Place, depth: int) -> list[Finding]:
    inner = [one for text in part.inner for one in findings_of(text, replace(place), depth + 1)]
    found = [*inner, *_writes(part.writes, place), *_reads(part.reads, place)]
    words, variables = _without_variables(part.words)
    found += variables
    if not words:
        return found or [rules.READS]
    code = _name(words[0]) in rules.SHELLS | rules.INTERPRETERS | {"eval", "source", "."}
    if code and _fetches(inner):
        found.append(Finding(Risk.HIGH, "runs what it fetches", _last_target(inner)))
    if part.piped and _takes_code(words):
        found.append(Finding(Risk.HIGH, "runs what another program writes"))
    if _name(words[0]) in rules.SHELLS:
        found += [one for text in part.given for one in findings_of(text, replace(place), depth + 1)]
    return found + _words(words, place, depth)


def _takes_code(words: Sequence[Word]) -> bool:
    """Whether it runs what it is given on its input: an interpreter without a script of its own."""
    bare, _ = _without_variables(words)
    while bare and _name(bare[0]) in rules.RIGHTS_TAKERS | rules.WRAPPERS:
        bare = bare[1:]
    if not bare or _name(bare[0]) not in rules.SHELLS | rules.INTERPRETERS:
        return False
    operands = [word.text for word in bare[1:]]
    if operands[:1] == ["-m"] or "-c" in operands or "-e" in operands:
        return False
    return not operands or "-s" in operands or all(word.startswith("-") for word in operands)


def _without_variables(words: Sequence[Word]) -> tuple[list[Word], list[Finding]]:
    found: list[Finding] = []
    for at, word in enumerate(words):
        named = _ASSIGNMENT.match(word.text)
        if named is None:
            return list(words[at:]), found
        if is_secret(named[3]):
            found.append(Finding(Risk.HIGH, "reads keys or passwords", named[3]))
        if named[1] in rules.RISKY_VARIABLES or named[1].startswith(("LD_", "GIT_CONFIG")):
            found.append(Finding(Risk.MEDIUM, f"sets {named[1]} for what it runs"))
    return [], found


def _name(word: Word) -> str:
    """The program a word names; "" when that is known only when it runs, or when it is a file of one's own."""
    text = word.text
    if not word.plain:
        return ""
    folder = next((folder for folder in _OWN_FOLDERS if text.startswith(folder)), "")
    name = text[len(folder) :]
    return re.sub(r"^(python|pip|node|ruby|perl|php)[\d.]+$", r"\1", name)


def _words(words: Sequence[Word], place: Place, depth: int) -> list[Finding]:
    """What a program with its operands does."""
    place.spent.append(words[0].text[:1])
    if place.weary:
        return [rules.TOO_LONG]
    if depth > DEEPEST:
        return [rules.TOO_DEEP]
    name, rest = _name(words[0]), list(words[1:])
    if name in rules.RIGHTS_TAKERS:
        return [rules.ALL_RIGHTS, *_wrapped(rest, place, depth)]
    if name in rules.WRAPPERS:
        return _wrapped(rest, place, depth) or [Finding(Risk.MEDIUM, "shows its environment")]
    special = _SPECIAL.get(name)
    if special is not None:
        return special(rest, place, depth)
    for names, rule in _FAMILIES:
        if name in names:
            return rule(name, rest, place, depth)
    if name in rules.SIMPLE:
        return [rules.SIMPLE[name]]
    if name.startswith("mkfs."):
        return [rules.SYSTEM]
    return [_unknown(words[0])]


def _unknown(word: Word) -> Finding:
    if not word.plain:
        return Finding(Risk.MEDIUM, "runs what is known only when it runs", known=False)
    return Finding(Risk.MEDIUM, f"runs {word.text[:40]}, and what that does is not known", known=False)


_WRAPPING: Final = rules.WRAPPERS | rules.RIGHTS_TAKERS | rules.RUNNERS


def _wrapped(rest: Sequence[Word], place: Place, depth: int) -> list[Finding]:
    """What is behind a wrapper. Where its own options end is not known for sure: all that can be meant counts."""
    rest, found = _without_variables(rest)
    unknown: list[Finding] = []
    names = [_name(word) for word in rest]
    if rules.RIGHTS_TAKERS & set(names):
        found.append(rules.ALL_RIGHTS)
    starts = [
        at for at, name in enumerate(names) if name not in _WRAPPING and not rest[at].text.startswith("-")
    ]
    for start in starts[:MOST_STARTS]:
        words, variables = _without_variables(rest[start:])
        now = [*variables, *(_words(words, replace(place), depth + 1) if words else ())]
        found += [one for one in now if one.known]
        unknown = unknown or now
    return found or unknown


def _writes(words: Sequence[Word], place: Place) -> list[Finding]:
    return [_written(word, place) for word in words]


def _written(word: Word, place: Place) -> Finding:
    match place.side(word):
        case Side.NOWHERE:
            return rules.READS
        case Side.INSIDE if re.search(r"(^|/)\.git(/|$)", word.text):
            return Finding(Risk.HIGH, "changes git's own files", word.text)
        case Side.INSIDE:
            return rules.LOCAL
        case Side.TEMPORARY:
            return Finding(Risk.MEDIUM, "writes to a temporary folder")
        case Side.OUTSIDE:
            return Finding(Risk.HIGH, "writes outside of the working copy", word.text)
        case Side.UNKNOWN:
            return Finding(Risk.MEDIUM, "writes where it cannot be told beforehand")
        case _ as never:
            assert_never(never)


def _reads(words: Sequence[Word], place: Place) -> list[Finding]:
    found: list[Finding] = []
    for word in words:
        if is_secret(word.text):
            found.append(Finding(Risk.HIGH, "reads keys or passwords", word.text))
        elif place.side(word) is Side.OUTSIDE:
            found.append(Finding(Risk.MEDIUM, "reads outside of the working copy"))
        elif not word.plain:
            found.append(Finding(Risk.MEDIUM, "reads what cannot be told beforehand"))
    return found


def _operands(rest: Sequence[Word]) -> list[Word]:
    return [word for word in rest if not word.text.startswith("-")]


def _cd(rest: list[Word], place: Place, _: int) -> list[Finding]:
    place.go(next((word for word in rest if word.text == "-" or not word.text.startswith("-")), None))
    return [rules.READS]


def _remove(rest: list[Word], place: Place, _: int) -> list[Finding]:
    named = _operands(rest)
    target = named[0].text if named else ""
    outside = next((word.text for word in named if place.side(word) is Side.OUTSIDE), None)
    if outside is not None:
        return [Finding(Risk.HIGH, "removes files outside of the working copy", outside)]
    if not named or any(_RECURSIVE.fullmatch(word.text) for word in rest):
        return [Finding(Risk.HIGH, "removes files and folders", target)]
    return [Finding(Risk.MEDIUM, "removes files", target)]


def _find(rest: list[Word], place: Place, depth: int) -> list[Finding]:
    found = _reads(_operands(rest)[:1], place) or [rules.READS]
    runs = [at for at, word in enumerate(rest) if re.fullmatch(r"-(exec|ok)(dir)?", word.text)]
    for at, end in pairwise([*runs, len(rest)]):
        found += _words(rest[at + 1 : end], replace(place), depth + 1) if end > at + 1 else [rules.UNREADABLE]
    for at, word in enumerate(rest):
        if word.text == "-delete":
            found.append(Finding(Risk.HIGH, "removes files and folders", rest[0].text if at else ""))
        elif word.text.startswith(("-fprint", "-fls")):
            found += _writes(rest[at + 1 : at + 2], place)
    return found


def _eval(rest: list[Word], place: Place, depth: int) -> list[Finding]:
    known = all(word.plain for word in rest)
    found = findings_of(" ".join(word.text for word in rest), place, depth + 1)
    return found if known else [*found, Finding(Risk.MEDIUM, "runs what is known only when it runs")]


def _alias(rest: list[Word], place: Place, depth: int) -> list[Finding]:
    texts = [word.text.partition("=")[2] for word in rest]
    return [
        Finding(Risk.MEDIUM, "gives programs other names"),
        *(one for text in texts for one in findings_of(text, replace(place), depth + 1)),
    ]


def _git(rest: list[Word], place: Place, _: int) -> list[Finding]:
    found: list[Finding] = []
    while rest and rest[0].text.startswith("-"):
        option = rest.pop(0).text
        if option in {"-c", "--config-env", "--exec-path"} or option.startswith(
            ("--exec-path=", "--config-env=")
        ):
            found.append(Finding(Risk.MEDIUM, "runs git with other settings"))
        if option in {"-c", "-C", "--git-dir", "--work-tree"} and rest:
            moved = rest.pop(0)
            found += _reads([moved], place) if option != "-c" else []
    if not rest:
        return [*found, rules.READS]
    name, words = rest[0].text, [word.text for word in rest[1:]]
    if name == "push":
        named = [word.text for word in _operands(rest[1:])]
        target = named[1].rpartition(":")[2].lstrip("+") if len(named) > 1 else (named or [""])[0]
        forced = any(re.fullmatch(r"-f|-d|--delete|--force.*|--mirror|[+:].+", word) for word in words)
        return [
            *found,
            Finding(Risk.HIGH, "overwrites commits elsewhere" if forced else "sends commits away", target),
        ]
    if (name == "reset" and "--hard" in words) or name == "clean":
        return [*found, Finding(Risk.HIGH, "throws uncommitted work away")]
    if name in {"branch", "tag"} and any(re.fullmatch(r"-[dDf]|--delete|--force", word) for word in words):
        return [*found, Finding(Risk.MEDIUM, "removes a branch or a tag")]
    if any(
        re.match(r"--(output|open-files|upload-pack|receive-pack|exec|ext-diff)|-[Ox]", word)
        for word in words
    ):
        found.append(Finding(Risk.MEDIUM, "runs git with other settings"))
    known = rules.GIT.get(name)
    return [
        *found,
        known or Finding(Risk.MEDIUM, f"runs git {name[:40]}, and what that does is not known", known=False),
    ]


def _dd(rest: list[Word], place: Place, _: int) -> list[Finding]:
    goal = next((word for word in rest if word.text.startswith("of=")), None)
    if goal is not None and goal.text.startswith("of=/dev/"):
        return [Finding(Risk.HIGH, "destroys data", goal.text[3:])]
    return _writes([Word(goal.text[3:], goal.plain)], place) if goal else [rules.READS]


def _ssh(rest: list[Word], _: Place, __: int) -> list[Finding]:
    named = _operands(rest)
    return [
        Finding(
            Risk.HIGH, "runs commands on another machine", named[0].text.rpartition("@")[2] if named else ""
        )
    ]


def _docker(rest: list[Word], _: Place, __: int) -> list[Finding]:
    words = [word.text for word in rest]
    if "push" in words[:2]:
        return [rules.PUBLISHES]
    if rules.CONTAINER_CHANGES & set(words[:3]):
        return [Finding(Risk.HIGH, "ends or removes containers")]
    return [rules.READS if words[:1] in (["ps"], ["images"], ["logs"], ["version"]) else rules.CONTAINERS]


def _shell(rest: list[Word], place: Place, depth: int) -> list[Finding]:
    for at, word in enumerate(rest):
        if re.fullmatch(r"-[a-z]*c", word.text) and rest[at + 1 :]:
            return _eval(rest[at + 1 : at + 2], place, depth)
    return [rules.SCRIPT]


def _interpreter(_: str, rest: list[Word], place: Place, depth: int) -> list[Finding]:
    words = [word.text for word in rest]
    if words[:1] == ["-m"] and rest[1:]:
        return _words(rest[1:], place, depth + 1)
    if words in (["--version"], ["-v"], ["-V"]):
        return [rules.READS]
    if rest and words[0].rpartition("/")[2] in rules.MIGRATORS:
        return _migrator("", rest[1:], place, depth)
    given = {"-c", "-e", "-p", "--eval", "-r", "--print"} & set(words)
    return [Finding(Risk.MEDIUM, "runs code that is given with it") if given else rules.SCRIPT]


def _read(name: str, rest: list[Word], place: Place, _: int) -> list[Finding]:
    found = _reads(_operands(rest), place) or [rules.READS]
    words = [word.text for word in rest]
    if name == "sed" and any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in words):
        found += _writes(_operands(rest)[1:], place)
    if name in {"uniq", "xxd"}:
        found += _writes(_operands(rest)[1:2], place)
    more = rules.MORE_THAN_READING.get(name)
    if more is not None and any(re.search(more, word) for word in words):
        found.append(Finding(Risk.MEDIUM, "may run or write more than it reads"))
    return found


def _write(name: str, rest: list[Word], place: Place, _: int) -> list[Finding]:
    named = _operands(rest)
    away = next((match[1] for word in named if (match := _LOGIN.match(word.text))), None)
    if name == "rsync" and away is not None:
        return [Finding(Risk.HIGH, "copies files to or from another machine", away)]
    if name in {"chmod", "chown", "chgrp"}:
        return [rules.RIGHTS, *_writes(named[1:], place)]
    copies = name in {"cp", "ln", "install", "rsync"}
    elsewhere = any(re.match(r"-[a-zA-Z]*t|--target", word.text) for word in rest)
    found = _reads(named[:-1], place) if copies else []
    found += _writes(named[-1:] if copies and not elsewhere else named, place) or [rules.LOCAL]
    options = [
        Word(word.text.partition("=")[2], word.plain) for word in rest if re.match(r"--[a-z-]+=", word.text)
    ]
    found += [one for one in _writes(options, place) if one.level is Risk.HIGH]
    if name in {"tar", "rsync"} and any(
        re.match(r"--(checkpoint|to-command|use-comp|rsh|rsync-path)|-[Ie]", w.text) for w in rest
    ):
        found.append(Finding(Risk.MEDIUM, "may run other programs"))
    return found


def _fetch(_: str, rest: list[Word], place: Place, __: int) -> list[Finding]:
    hosts = [match[1] for word in rest if (match := _HOST.match(word.text))]
    bare = [word.text.partition("/")[0] for word in _operands(rest) if "." in word.text]
    host = (hosts or bare or [""])[0]
    files = [rest[at + 1] for at, word in enumerate(rest[:-1]) if word.text in {"-o", "-O", "--output"}]
    files = [word for word in files if not _HOST.match(word.text)]
    found = _writes(files, place)
    if host in _LOOPBACK:
        return [*found, Finding(Risk.MEDIUM, "talks to a program on its own machine", host)]
    if any(_SENDING.match(word.text) for word in rest):
        return [*found, Finding(Risk.HIGH, "sends data away", host)]
    return [*found, Finding(Risk.MEDIUM, "reaches the network", host)]


def _scp(rest: list[Word], _: Place, __: int) -> list[Finding]:
    away = next((match[1] for word in rest if (match := _LOGIN.match(word.text))), "")
    return [Finding(Risk.HIGH, "copies files to or from another machine", away)]


def _package(name: str, rest: list[Word], place: Place, depth: int) -> list[Finding]:
    words = [word.text for word in _operands(rest)] or [word.text for word in rest]
    first = words[:1]
    if name in rules.INSTALLERS:
        return [rules.INSTALLS]
    if first and first[0] in rules.PUBLISHING:
        return [rules.PUBLISHES]
    if first and first[0] in rules.INSTALLING[name]:
        return [rules.INSTALLS]
    if first == ["run"] and name in rules.RUNNERS and len(rest) > 1:
        return _wrapped(rest[1:], place, depth)
    return [rules.RUNS_CODE]


def _migrator(_: str, rest: list[Word], __: Place, ___: int) -> list[Finding]:
    named = [word.text for word in rest]
    return [rules.MIGRATES if rules.MIGRATING & set(named[:3]) else rules.RUNS_CODE]


def _database(name: str, rest: list[Word], _: Place, __: int) -> list[Finding]:
    words = [word.text for word in rest]
    host = next((words[at + 1] for at, word in enumerate(words[:-1]) if word in {"-h", "--host"}), "")
    host = host or next((match[1] for word in words if (match := _HOST.match(word))), "")
    if name == "dropdb" or any(_SQL.search(word) for word in words):
        return [replace(rules.MIGRATES, target=host)]
    return [replace(rules.DATABASE, target=host)]


def _cloud(_: str, rest: list[Word], __: Place, ___: int) -> list[Finding]:
    words = {word.text for word in _operands(rest)[:4]}
    changes = words & rules.CLOUD_CHANGES or any(
        word.startswith(("delete-", "terminate-", "create-")) for word in words
    )
    return [rules.REMOTE_CHANGE if changes else rules.REMOTE]


def _publish(rest: list[Word], _: Place, __: int) -> list[Finding]:
    return [rules.PUBLISHES if any(word.text == "upload" for word in rest) else rules.RUNS_CODE]


_Special = Callable[[list[Word], Place, int], list[Finding]]
_Rule = Callable[[str, list[Word], Place, int], list[Finding]]
_SPECIAL: Final[Mapping[str, _Special]] = {
    "cd": _cd,
    "pushd": _cd,
    "rm": _remove,
    "unlink": _remove,
    "find": _find,
    "eval": _eval,
    "alias": _alias,
    "git": _git,
    "trap": lambda rest, place, depth: _eval(rest[:1], place, depth),
    "dd": _dd,
    "ssh": _ssh,
    "scp": _scp,
    "sftp": _scp,
    "docker": _docker,
    "podman": _docker,
    "twine": _publish,
    "source": lambda _, __, ___: [rules.SCRIPT],
    ".": lambda _, __, ___: [rules.SCRIPT],
    **dict.fromkeys(rules.SHELLS, _shell),
}
_FAMILIES: Final[Sequence[tuple[frozenset[str], _Rule]]] = (
    (rules.READERS, _read),
    (rules.WRITERS, _write),
    (rules.FETCHERS, _fetch),
    (frozenset(rules.INSTALLING) | rules.INSTALLERS, _package),
    (rules.INTERPRETERS, _interpreter),
    (rules.MIGRATORS, _migrator),
    (rules.DATABASES, _database),
    (rules.CLOUDS, _cloud),
)
