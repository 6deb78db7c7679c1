"""Runs the sides of a bench in turn (own, peer, own, peer, ...), each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.child import ANSWER_MARK, NotRun
from benchmarks.model import OWN, Bench, BenchResult, Figure, Row, Side, SideResult
from benchmarks.statistics import median

ROOT = Path(__file__).resolve().parent.parent
Report = Callable[[str], None]


def run_bench(bench: Bench, *, quick: bool, rounds: int | None, scratch: Path, report: Report) -> BenchResult:
    """Measure one bench. A side that cannot run or fails is reported as such, the others go on."""
    parameters = dict(bench.quick if quick else bench.full)
    results = [SideResult(name=side.name, role=side.role) for side in bench.sides]
    count = rounds or (1 if quick else bench.rounds)
    with tempfile.TemporaryDirectory(prefix=f"{bench.name}-", dir=scratch) as shared:
        Path(shared).chmod(0o755)
        try:
            with (
                bench.setup(Path(shared), parameters) if bench.setup else contextlib.nullcontext({}) as extra
            ):
                for number in range(count):
                    for side, result in zip(bench.sides, results, strict=True):
                        report(f"{bench.name}: round {number + 1} of {count}, {side.name}")
                        run_once(side, {**parameters, **extra}, result, bench.timeout_seconds, scratch)
        except NotRun as reason:
            for result in results:
                result.not_run = str(reason)
    return BenchResult(
        name=bench.name,
        title=bench.title,
        method=bench.method,
        parameters=parameters,
        sides=results,
        rows=make_rows(bench, {result.name: result for result in results}),
    )


def run_once(
    side: Side, parameters: dict[str, Any], result: SideResult, timeout_seconds: float, scratch: Path
) -> None:
    """One round of one side, added to its result; a side that failed once is not tried again."""
    if result.not_run is not None or result.failed is not None:
        return
    try:
        interpreter = side.interpreter() if side.interpreter else sys.executable
    except NotRun as reason:
        result.not_run = str(reason)
        return
    directory = tempfile.mkdtemp(prefix=f"{side.name.replace(' ', '-')}-", dir=scratch)
    try:
        asked = json.dumps({**parameters, **side.parameters, "directory": directory, "side": side.name})
        outcome = _process([interpreter, "-m", side.module, asked], timeout_seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if isinstance(outcome, str):
        result.failed = outcome
    elif (reason := outcome.get("not_run")) is not None:
        result.not_run = reason
    else:
        result.rounds.append(outcome["figures"])
        result.subject = outcome["subject"]
        result.durability = outcome["durability"]
        result.note = outcome["note"]
        result.details = outcome["details"]


def _process(command: list[str], timeout_seconds: float) -> dict[str, Any] | str:
    """The side's answer, or what went wrong."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        out, err = child.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _end_group(child)
        return f"no answer within {timeout_seconds:.0f} s"
    except BaseException:
        _end_group(child)
        raise
    for line in out.splitlines():
        if line.startswith(ANSWER_MARK):
            return json.loads(line.removeprefix(ANSWER_MARK))
    return f"exit code {child.returncode}: {err.strip()[-1500:] or out.strip()[-1500:] or 'no output'}"


def _end_group(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def make_rows(bench: Bench, results: dict[str, SideResult]) -> list[Row]:
    """One row for each figure and each side it is held against."""
    rows: list[Row] = []
    others = [side for side in bench.sides if side.role != "own"]
    own = results[OWN]
    for figure in bench.figures:
        sides = [side for side in others if _has(results[side.name], figure)] or [None]
        rows.extend(
            _row(bench, figure, own, results[side.name] if side else None, first=index == 0)
            for index, side in enumerate(sides)
        )
    return rows


def _has(result: SideResult, figure: Figure) -> bool:
    return not result.measured or figure.key in result.rounds[0]


def _row(bench: Bench, figure: Figure, own: SideResult, other: SideResult | None, *, first: bool) -> Row:
    own_values = [values[figure.key] for values in own.rounds if figure.key in values]
    own_median = median(own_values) if own_values else None
    other_median = (
        median([values[figure.key] for values in other.rounds]) if other and other.measured else None
    )
    ratio = (
        figure.ratio(own_median, other_median)
        if own_median is not None and other_median is not None
        else None
    )
    target, reached = _target(figure, other, own_median, ratio, first=first)
    return Row(
        bench=bench.name,
        figure=figure.label,
        unit=figure.unit,
        own=own_median,
        own_spread=(min(own_values), max(own_values)) if own_values else None,
        own_durability=own.durability,
        against=other.name if other else "",
        against_role=other.role if other else "",
        other=other_median,
        other_durability=other.durability if other else "",
        ratio=ratio,
        target=target,
        reached=reached,
        remark="; ".join(_remarks(own, other)),
    )


def _target(
    figure: Figure, other: SideResult | None, own: float | None, ratio: float | None, *, first: bool
) -> tuple[str, bool | None]:
    """The targets a row is about (the absolute one stands in the first row), and whether all are reached."""
    words: list[str] = []
    verdicts: list[bool | None] = []
    if figure.limit is not None and first:
        sign = ">=" if figure.higher_is_better else "<="
        words.append(f"{sign} {figure.limit:,g} {figure.unit}")
        verdicts.append(None if own is None else figure.reached(own))
    times = figure.times.get(other.name) if other else None
    if times is not None:
        words.append(f">= {times:g}x")
        verdicts.append(None if ratio is None else ratio >= times)
    if not verdicts:
        return "", None
    if False in verdicts:
        return " and ".join(words), False
    return " and ".join(words), None if None in verdicts else True


def _remarks(own: SideResult, other: SideResult | None) -> list[str]:
    remarks: list[str] = []
    for result in (own, other):
        if result is not None and result.not_run is not None:
            remarks.append(f"{result.name} not run: {result.not_run}")
        elif result is not None and result.failed is not None:
            remarks.append(f"{result.name} failed: {result.failed.splitlines()[-1]}")
    return remarks
