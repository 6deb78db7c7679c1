"""`python -m benchmarks`: run the benches, print the table, keep the result."""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import document, machine
from benchmarks.catalogue import BENCHES
from benchmarks.model import Bench, BenchResult
from benchmarks.runner import run_bench
from benchmarks.table import as_text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="benches to run; all when none is named")
    parser.add_argument("--list", action="store_true", help="list the benches and end")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round")
    parser.add_argument(
        "--rounds", type=int, help="rounds of each side (default: three, or one with --quick)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    parser.add_argument("--scratch", type=Path, help="directory for databases; must be on a real disk")
    parser.add_argument("--document", action="store_true", help="write docs/explanation/performance.md")
    parser.add_argument(
        "--from",
        dest="sources",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="document FILE, run nothing; of a bench that is in several, the last one's result",
    )
    return parser.parse_args()


def _chosen(names: list[str]) -> list[Bench]:
    unknown = set(names) - {bench.name for bench in BENCHES}
    if unknown:
        known = ", ".join(bench.name for bench in BENCHES)
        sys.exit(f"no bench called {', '.join(sorted(unknown))}; there are: {known}")
    return [bench for bench in BENCHES if not names or bench.name in names]


def _report(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


def _measure(arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    described = machine.describe(scratch)
    if described["file_system"] in {"tmpfs", "ramfs"}:
        _report(
            f"{scratch} is in memory: fsync costs nothing there. Name a directory on a disk with --scratch."
        )
    began = time.monotonic()
    results: list[BenchResult] = []
    for bench in _chosen(arguments.names):
        result = run_bench(
            bench, quick=arguments.quick, rounds=arguments.rounds, scratch=scratch, report=_report
        )
        results.append(result)
        print(as_text(result.rows) + "\n", flush=True)
    return {
        "machine": described,
        "quick": arguments.quick,
        "rounds": arguments.rounds or (1 if arguments.quick else 3),
        "seconds": round(time.monotonic() - began, 1),
        "benches": [dataclasses.asdict(result) for result in results],
    }


def _ended_well(result: dict[str, Any]) -> bool:
    rows = [row for bench in result["benches"] for row in bench["rows"]]
    sides = [side for bench in result["benches"] for side in bench["sides"]]
    return all(row["reached"] is not False for row in rows) and not any(side["failed"] for side in sides)


def _print_failures(result: dict[str, Any]) -> None:
    for bench in result["benches"]:
        for side in bench["sides"]:
            if side["failed"]:
                last = "\n    ".join(side["failed"].splitlines()[-4:])
                print(f"{bench['name']}: {side['name']} failed:\n    {last}")


def main() -> int:
    """Exit code 0 when nothing failed and every measured target was reached."""
    # An end by SIGTERM is one like Ctrl-C: the side that is measured, its servers and its scratch directory go too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = _arguments()
    if arguments.list:
        for bench in BENCHES:
            print(f"{bench.name:16} {bench.title}")
        return 0
    if arguments.sources:
        result = document.together([json.loads(source.read_text()) for source in arguments.sources])
    else:
        with tempfile.TemporaryDirectory(prefix="muster-bench-", dir=arguments.scratch) as scratch:
            Path(scratch).chmod(0o755)
            result = _measure(arguments, Path(scratch))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.document:
        _report(f"wrote {document.write(result).name}")
    _print_failures(result)
    return 0 if _ended_well(result) else 1


if __name__ == "__main__":
    sys.exit(main())
