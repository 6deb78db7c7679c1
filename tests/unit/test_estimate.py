"""What tasks that ended say of one like them."""

from __future__ import annotations

from muster.domain.estimate import Crowd, Ended, Kind, Range, estimate_of, range_of, starts_in

HERE = Kind(agent="claude", queue_id=1, directory="/src")
ELSEWHERE = Kind(agent="claude", queue_id=2, directory="/other")


def ended(kind: Kind = HERE, cost: int | None = 10, took: int = 100, *, succeeded: bool = True) -> Ended:
    return Ended(kind=kind, succeeded=succeeded, cost=cost, took=took, tokens=7)


def test_the_first_of_its_kind_has_no_figures() -> None:
    """OD-40"""
    found = estimate_of(HERE, [ended(Kind(agent="codex", queue_id=1, directory="/src"))])
    assert (found.alike, found.same, found.rough, found.succeeded) == (0, (), True, None)
    assert (found.cost, found.took, found.tokens) == (None, None, None)


def test_enough_tasks_of_the_same_folder_are_the_basis() -> None:
    """OD-40"""
    found = estimate_of(HERE, [ended() for _ in range(5)] + [ended(ELSEWHERE, took=9) for _ in range(50)])
    assert (found.alike, found.same) == (5, ("type", "agent", "directory"))
    assert found.took == Range(100, 100, 100)


def test_too_few_of_them_are_looked_for_with_less_in_common() -> None:
    """OD-40"""
    found = estimate_of(HERE, [ended(), *(ended(ELSEWHERE) for _ in range(9))])
    assert (found.alike, found.same, found.rough) == (10, ("type", "agent"), False)
    few = estimate_of(HERE, [ended(), ended(ELSEWHERE)])
    assert (few.alike, few.rough) == (2, True)


def test_a_task_without_a_folder_is_not_like_others_without_one() -> None:
    """OD-40: by its queue then."""
    nowhere = Kind(agent="", queue_id=1, directory="")
    found = estimate_of(nowhere, [ended(nowhere) for _ in range(6)])
    assert found.same == ("type", "agent", "queue")


def test_failures_count_for_the_share_and_not_for_the_time() -> None:
    """OD-40"""
    found = estimate_of(HERE, [*(ended() for _ in range(3)), ended(took=1, cost=1, succeeded=False)])
    assert (found.succeeded, found.took) == (0.75, Range(100, 100, 100))
    assert estimate_of(HERE, [ended(took=1, succeeded=False)]).took == Range(1, 1, 1)


def test_what_nobody_knows_the_price_of_has_no_cost() -> None:
    """OD-40"""
    assert estimate_of(HERE, [ended(cost=None)]).cost is None
    assert estimate_of(HERE, [ended(cost=None), ended(cost=4)]).cost == Range(4, 4, 4)


def test_a_range_leaves_out_what_is_seldom() -> None:
    """OD-40"""
    assert range_of([]) is None
    assert range_of([3, 1, 2]) == Range(1, 2, 3)
    assert range_of([1, 20, 30, 40, 50, 60, 70, 80, 90, 100, 9_000]) == Range(30, 60, 90)


def test_it_begins_at_once_where_a_place_is_free() -> None:
    """OD-40"""
    took = Range(10, 20, 30)
    assert starts_in(Crowd(ahead=1, free=2, places=4, took=None)) == Range(0, 0, 0)
    assert starts_in(Crowd(ahead=3, free=0, places=4, took=took)) == took
    assert starts_in(Crowd(ahead=3, free=0, places=4, took=None)) is None
    assert starts_in(Crowd(ahead=0, free=0, places=0, took=took)) is None
