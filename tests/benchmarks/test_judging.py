"""How the benches judge figures: medians, ratios, targets, and sides that cannot run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import document
from benchmarks.model import OWN, Bench, Figure, Side, SideResult
from benchmarks.runner import make_rows, run_bench
from benchmarks.statistics import latency_figures, median, percentile
from benchmarks.table import as_text, cells

RATE = Figure(key="rate", label="rate", unit="/s", limit=100, times={"peer": 6})
DELAY = Figure(key="delay", label="delay", unit="ms", higher_is_better=False, limit=5)


def bench(*figures: Figure) -> Bench:
    return Bench(
        name="trial",
        title="a trial",
        sides=(Side(name=OWN, module="m", role="own"), Side(name="peer", module="m")),
        figures=figures,
        full={},
        quick={},
    )


def rows_of(figure: Figure, own: list[float], peer: list[float]) -> list[tuple[str, ...]]:
    results = {
        OWN: SideResult(name=OWN, role="own", rounds=[{figure.key: value} for value in own]),
        "peer": SideResult(name="peer", role="peer", rounds=[{figure.key: value} for value in peer]),
    }
    return [cells(row) for row in make_rows(bench(figure), results)]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert percentile(values, 0.50) == 50
    assert percentile(values, 0.95) == 95
    assert percentile([7.0], 0.99) == 7
    assert median([3.0, 1.0, 2.0]) == 2
    assert median([1.0, 2.0]) == 1.5
    assert latency_figures([0.001, 0.002])["max_ms"] == 2


def test_a_rate_reaches_its_target_only_with_the_ratio_to_the_peer() -> None:
    assert rows_of(RATE, [120.0], [10.0])[0][5:] == ("12x", ">= 100 /s and >= 6x", "yes")
    assert rows_of(RATE, [120.0], [60.0])[0][5:] == ("2.00x", ">= 100 /s and >= 6x", "NO")
    assert rows_of(RATE, [90.0], [10.0])[0][7] == "NO"


def test_a_delay_is_better_when_it_is_smaller() -> None:
    assert rows_of(DELAY, [2.0], [1.0])[0][5:] == ("0.50x", "<= 5 ms", "yes")
    assert rows_of(DELAY, [6.0], [12.0])[0][5:] == ("2.00x", "<= 5 ms", "NO")


def test_the_median_round_counts_and_not_the_best() -> None:
    assert rows_of(RATE, [90.0, 500.0, 80.0], [1.0])[0][2] == "90.0 /s"


def test_a_peer_that_did_not_run_leaves_the_target_unjudged() -> None:
    results = {
        OWN: SideResult(name=OWN, role="own", rounds=[{"rate": 700.0}]),
        "peer": SideResult(name="peer", role="peer", not_run="it needs Python 3.12"),
    }
    rows = make_rows(bench(RATE), results)
    assert rows[0].reached is None
    assert cells(rows[0])[7] == "not measured"
    assert "peer not run: it needs Python 3.12" in as_text(rows)


def test_sides_are_run_in_turn_and_a_failing_one_harms_no_other(tmp_path: Path) -> None:
    trial = Bench(
        name="trial",
        title="a trial",
        sides=(
            Side(name=OWN, module="tests.benchmarks.scripted_side", role="own", parameters={"figure": 8}),
            Side(name="peer", module="tests.benchmarks.scripted_side", parameters={"figure": 2}),
            Side(
                name="absent",
                module="tests.benchmarks.scripted_side",
                parameters={"not_run": "no such thing"},
            ),
            Side(name="broken", module="tests.benchmarks.scripted_side", parameters={"fail": "out of paper"}),
        ),
        figures=(RATE,),
        full={},
        quick={},
    )
    order: list[str] = []
    result = run_bench(trial, quick=False, rounds=2, scratch=tmp_path, report=order.append)
    sides = {side.name: side for side in result.sides}
    assert [line.rpartition(" ")[2] for line in order] == [OWN, "peer", "absent", "broken"] * 2
    assert sides[OWN].rounds == [{"rate": 8}, {"rate": 8}]
    assert sides["absent"].not_run == "no such thing"
    assert "out of paper" in (sides["broken"].failed or "")
    assert result.rows[0].ratio == 4
    assert not list(tmp_path.iterdir()), "every side's directory is removed"


def test_runs_are_documented_together_and_each_figure_says_when_it_was_measured() -> None:
    def run(commit: str, *names: str) -> dict[str, Any]:
        benches = [{"name": name, "of": commit, "rows": [], "sides": []} for name in names]
        machine = {"commit": commit, "load_average": 0.5, "cores": 2}
        return {"machine": machine, "quick": False, "rounds": 3, "seconds": 1, "benches": benches}

    both = document.together([run("first", "http", "sqlite-commit"), run("later", "pickup", "http")])
    assert [(one["name"], one["of"]) for one in both["benches"]] == [
        ("sqlite-commit", "first"),
        ("http", "later"),
        ("pickup", "later"),
    ]
    said = " ".join(document._caveats(both))
    assert "at commit `later` with load average 0.5: http, pickup." in said
    assert "first" not in said
