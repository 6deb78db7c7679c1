"""A side that answers what it is told: run as a process by the tests of the harness."""

from __future__ import annotations

from benchmarks.child import Answer, NotRun, Parameters, answer, run_side


def measure(parameters: Parameters) -> Answer:
    if "not_run" in parameters:
        raise NotRun(parameters["not_run"])
    if "fail" in parameters:
        raise RuntimeError(parameters["fail"])
    return answer({"rate": parameters["figure"]})


if __name__ == "__main__":
    run_side(measure)
