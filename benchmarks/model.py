"""What a bench is: sides that do the same work, figures they give, and what ours must reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Parameters = dict[str, Any]
OWN = "muster"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One contestant. `module` is run as a process; `parameters` are added to the bench's own."""

    name: str
    module: str
    role: Literal["own", "peer", "raw"] = "peer"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    interpreter: Callable[[], str] | None = None
    """Gives the Python to run it with; raises NotRun when there is none. None: this one."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of a bench. `limit` is what our side must reach in `unit`, `times` how many times a side's figure."""

    key: str
    label: str
    unit: str
    higher_is_better: bool = True
    limit: float | None = None
    times: Mapping[str, float] = field(default_factory=dict[str, float])

    def reached(self, value: float) -> bool | None:
        """Whether `value` reaches the limit; None without one."""
        if self.limit is None:
            return None
        return value >= self.limit if self.higher_is_better else value <= self.limit

    def ratio(self, own: float, other: float) -> float:
        """How many times better ours is; below 1 it is worse."""
        better, worse = (own, other) if self.higher_is_better else (other, own)
        if better == worse:
            return 1.0
        return better / worse if worse else float("inf")


Setup = Callable[[Path, Parameters], AbstractContextManager[Parameters]]
"""Prepares what the sides of a bench share (a cluster, a data set); gives parameters for all of them."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Sides measured in turn, with the same parameters."""

    name: str
    title: str
    sides: tuple[Side, ...]
    figures: tuple[Figure, ...]
    full: Mapping[str, Any]
    quick: Mapping[str, Any]
    rounds: int = 3
    timeout_seconds: float = 600
    setup: Setup | None = None
    method: str = ""
    """How it is measured, for the documentation."""


@dataclass(kw_only=True)
class SideResult:
    """What a side gave over all rounds, or why it gave nothing."""

    name: str
    role: str
    rounds: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    subject: str = ""
    durability: str = ""
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    not_run: str | None = None
    failed: str | None = None

    @property
    def measured(self) -> bool:
        return bool(self.rounds) and self.not_run is None and self.failed is None


@dataclass(kw_only=True)
class Row:
    """One line of the table: our figure against one side's. Missing figures are None."""

    bench: str
    figure: str
    unit: str
    own: float | None
    own_spread: tuple[float, float] | None
    own_durability: str
    against: str
    against_role: str
    other: float | None
    other_durability: str
    ratio: float | None
    target: str
    reached: bool | None
    remark: str = ""


@dataclass(kw_only=True)
class BenchResult:
    """All sides of a bench, and the rows made from them."""

    name: str
    title: str
    method: str
    parameters: dict[str, Any]
    sides: list[SideResult]
    rows: list[Row]
