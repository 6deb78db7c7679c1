"""Dependencies form no cycle."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.dependency import find_cycle

NODES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NODES, st.lists(NODES, max_size=4))


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, None),
        ({"a": []}, None),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, None),
        ({"a": ["elsewhere"]}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c", "a"]),
        ({"a": [], "b": ["a", "c"], "c": ["b"]}, ["b", "c", "b"]),
    ],
)
def test_a_cycle_is_named_as_the_path_that_closes_it(
    edges: dict[str, list[str]], cycle: list[str] | None
) -> None:
    """SW-4b"""
    assert find_cycle(edges) == cycle


@given(GRAPHS)
def test_what_is_found_is_a_cycle_of_the_graph(edges: dict[str, list[str]]) -> None:
    """SW-4b"""
    cycle = find_cycle(edges)
    if cycle is None:
        assert sorted_by_dependency(edges)
    else:
        assert cycle[0] == cycle[-1]
        assert all(after in edges[before] for before, after in pairwise(cycle))
        assert len(set(cycle)) == len(cycle) - 1


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_graph_that_only_looks_back_has_no_cycle(size: int, chance: object) -> None:
    """SW-4b"""
    draw = chance.sample  # pyright: ignore[reportAttributeAccessIssue]
    edges = {str(n): [str(m) for m in draw(range(n), min(n, 3))] for n in range(size)}
    assert find_cycle(edges) is None


def test_a_chain_of_a_hundred_thousand_does_not_overflow() -> None:
    """SW-4b"""
    edges = {str(number): [str(number + 1)] for number in range(100_000)}
    assert find_cycle(edges) is None
    edges["100000"] = ["0"]
    cycle = find_cycle(edges)
    assert cycle is not None
    assert len(cycle) == 100_002


def sorted_by_dependency(edges: dict[str, list[str]]) -> bool:
    """Whether all nodes can be done one after the other: only in a graph without cycles."""
    left = {node: set(needs) for node, needs in edges.items()}
    while left:
        free = [node for node, needs in left.items() if not needs & left.keys()]
        if not free:
            return False
        for node in free:
            del left[node]
    return True
