"""What agents ask of people: answered once, exactly, and never taken for something else."""

from __future__ import annotations

from typing import Any

import pytest

from muster.domain import ids
from muster.domain.approval import (
    CLARIFY_WORDS,
    EXPIRY,
    LONGEST_US,
    TRANSITIONS,
    ApprovalState,
    Choice,
    NoLonger,
    Scope,
    answer_in_words,
    asked_back,
    choose,
    digest_of,
    later,
    subject_of,
    word_for,
)
from muster.domain.errors import InvalidInput
from muster.domain.events import TaskRemoved
from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalRequested,
    ApprovalWithdrawn,
    MessageDelivered,
    MessagePosted,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.transcript import OptionKind
from tests.unit.test_replay import ATTEMPT, PROJECT, TASK, Log

OPTIONS = [
    {"id": "yes", "label": "Allow", "kind": "allow_once"},
    {"id": "no", "label": "Deny", "kind": "reject_once"},
]
APPROVAL = ids.encode(ids.APPROVAL, 7)
MESSAGE = ids.encode(ids.MESSAGE, 8)
AT: dict[str, Any] = {"task_id": TASK, "attempt_id": ATTEMPT, "agent_id": "ann", "project_id": PROJECT}


def picked(**fields: Any) -> Choice:
    given: dict[str, Any] = {"verdict": None, "option": None, "text": "", "scope": Scope.ONCE}
    return choose(fields.pop("kind", "permission"), OPTIONS, **given | fields)


class TestAnswers:
    def test_an_end_is_an_end(self) -> None:
        """SW-1d"""
        ends = [state for state in ApprovalState if state is not ApprovalState.PENDING]
        assert all(not TRANSITIONS[state] for state in ends)
        assert TRANSITIONS[ApprovalState.PENDING] == frozenset(ends)

    def test_a_verdict_takes_the_option_that_means_it(self) -> None:
        """SW-1a"""
        allowed = picked(verdict=OptionKind.ALLOW_ONCE)
        assert (allowed.option, allowed.allows) == ("yes", True)
        denied = picked(verdict=OptionKind.REJECT_ONCE, text="no")
        assert (denied.option, denied.allows, denied.text) == ("no", False, "no")
        assert picked(verdict=OptionKind.ALLOW_ALWAYS).option is None

    def test_an_option_is_taken_by_its_id(self) -> None:
        assert picked(option="no").kind == "reject_once"
        with pytest.raises(InvalidInput, match="was not offered \\(yes, no\\)"):
            picked(option="maybe")
        with pytest.raises(InvalidInput, match="none"):
            choose("question", [], verdict=None, option="x", text="", scope=Scope.ONCE)

    def test_a_question_is_answered_in_words(self) -> None:
        assert picked(kind="question", text="left") == Choice(kind="choice", text="left")
        for nothing in ({"kind": "question"}, {"text": "go on"}):
            with pytest.raises(InvalidInput):
                picked(**nothing)

    def test_expired_is_said_and_not_called_rejected_by_anybody(self) -> None:
        """SW-1d"""
        assert not EXPIRY.allows
        assert "expired" in EXPIRY.text

    @pytest.mark.parametrize(
        ("state", "answer", "word"),
        [
            ("pending", None, "pending"),
            ("expired", {"kind": "reject_once"}, "expired"),
            ("answered", {"kind": "allow_always"}, "approved"),
            ("answered", {"kind": "reject_once", "text": "no"}, "rejected"),
            ("answered", {"kind": "reject_once", "text": f"{CLARIFY_WORDS}why?"}, "asked back"),
            ("answered", {"kind": "choice", "text": "left"}, "answered"),
        ],
    )
    def test_how_it_ended_is_one_word(self, state: str, answer: dict[str, Any] | None, word: str) -> None:
        """SW-1d"""
        assert word_for(state, answer) == word

    def test_what_was_asked_back_is_found_again(self) -> None:
        """SW-1e"""
        assert asked_back({"text": f"{CLARIFY_WORDS}why?"}) == "why?"
        assert asked_back({"text": "no"}) is None
        assert asked_back(None) is None


class TestTime:
    def test_more_time_is_given_from_its_end_or_from_now(self) -> None:
        assert later("x", created_at=0, expires_at=100, now=50, by_us=30) == 130
        assert later("x", created_at=0, expires_at=100, now=120, by_us=30) == 150
        assert later("x", created_at=0, expires_at=100, now=50, by_us=2 * LONGEST_US) == LONGEST_US

    def test_what_waits_for_ever_or_for_a_week_waits_no_longer(self) -> None:
        with pytest.raises(NoLonger, match="as long as it takes"):
            later("x", created_at=0, expires_at=None, now=50, by_us=30)
        for moment in ({"expires_at": LONGEST_US, "now": 1}, {"expires_at": 1, "now": LONGEST_US}):
            with pytest.raises(NoLonger, match="a week ago"):
                later("x", created_at=0, by_us=30, **moment)


class TestExactness:
    def test_another_command_or_tool_is_another_request(self) -> None:
        """SW-1b: never by prefix."""
        one = digest_of("Bash", subject_of({"command": "make test"}))
        assert one == digest_of("Bash", subject_of({"command": "make test", "title": "x"}))
        assert one != digest_of("Bash", subject_of({"command": "make test; rm -rf /"}))
        assert one != digest_of("Shell", subject_of({"command": "make test"}))

    def test_an_input_is_the_same_in_any_order(self) -> None:
        assert subject_of({"input": {"a": 1, "b": 2}}) == subject_of({"input": {"b": 2, "a": 1}})
        assert subject_of({}) == '""'


class TestReplay:
    def test_requests_and_their_ends(self) -> None:
        """SW-4a"""
        log = Log()
        log.submit()
        log.start()
        log.add(ApprovalRequested(APPROVAL, "k", "permission", "rm", "{}"), **AT)
        row = log.world.approvals[7].columns
        assert (row["state"], row["key"]) == ("pending", "k")
        log.add(ApprovalAnswered(APPROVAL, '{"kind":"allow_once"}', "ann"), **AT)
        assert (row["state"], row["answered_by"]) == ("answered", "ann")
        log.add(ApprovalWithdrawn(APPROVAL, "late"), **AT)
        assert len(log.world.strays) == 1

    def test_expiry_and_withdrawal(self) -> None:
        log = Log()
        log.submit()
        log.start()
        log.add(ApprovalRequested(APPROVAL, "k", "question", "which", "{}", 5), **AT)
        log.add(ApprovalExpired(APPROVAL, "{}"), **AT)
        other = ids.encode(ids.APPROVAL, 9)
        log.add(ApprovalRequested(other, "l", "question", "which", "{}"), **AT)
        log.add(ApprovalWithdrawn(other, "the attempt ended"), **AT)
        states = [log.world.approvals[number].columns["state"] for number in (7, 9)]
        assert states == ["expired", "withdrawn"]
        log.add(ApprovalRequested(APPROVAL, "k", "question", "which", "{}"))
        assert log.world.strays

    def test_more_time_and_what_took_the_place_of_another(self) -> None:
        log = Log()
        log.submit()
        log.start()
        log.add(ApprovalRequested(APPROVAL, "k", "permission", "rm", "{}", 5, "{}"), **AT)
        log.add(ApprovalExtended(APPROVAL, 9, "ann"), **AT)
        row = log.world.approvals[7].columns
        assert (row["expires_at"], row["grade"], row["voids"]) == (9, "{}", None)
        other = ids.encode(ids.APPROVAL, 9)
        log.add(ApprovalRequested(other, "k", "permission", "rm", "{}", 5, "{}", APPROVAL), **AT)
        assert log.world.approvals[9].columns["voids"] == 7
        log.add(ApprovalExpired(APPROVAL, "{}"), **AT)
        log.add(ApprovalExtended(APPROVAL, 10, "ann"), **AT)
        assert len(log.world.strays) == 1

    def test_permissions_are_given_and_taken_back_once(self) -> None:
        log = Log()
        permission = ids.encode(ids.PERMISSION, 3)
        log.add(PermissionGranted(permission, {"tool": "Bash"}))
        assert log.world.permissions[3].columns["tool"] == "Bash"
        log.add(PermissionRevoked(permission))
        log.add(PermissionRevoked(permission))
        assert len(log.world.strays) == 1

    def test_messages_are_posted_and_delivered(self) -> None:
        log = Log()
        log.submit()
        log.start()
        log.add(MessagePosted(MESSAGE, "say", "hi", "ann"), **AT)
        log.add(MessageDelivered(MESSAGE), **AT)
        assert log.world.messages[8].columns["delivered_at"] is not None
        log.add(MessageDelivered(ids.encode(ids.MESSAGE, 99)))
        log.add(MessagePosted(MESSAGE, "say", "hi", "ann"), task_id=12345)
        assert len(log.world.strays) == 2

    def test_a_removed_task_takes_its_requests_and_messages_along(self) -> None:
        log = Log()
        log.submit()
        log.start()
        log.add(ApprovalRequested(APPROVAL, "k", "permission", "rm", "{}"), **AT)
        log.add(MessagePosted(MESSAGE, "say", "hi", "ann"), **AT)
        log.add(TaskRemoved("deleted"), task_id=TASK, project_id=PROJECT)
        assert not log.world.approvals
        assert not log.world.messages


def test_an_option_that_does_not_say_its_kind_is_a_choice_and_allows_nothing() -> None:
    """OD-30: documents of requests over the API are the asker's"""
    options = [{"id": "red", "label": "Red"}, {"label": "without an id"}]
    choice = choose("question", options, verdict=None, option="red", text="", scope=Scope.ONCE)
    assert (choice.kind, choice.option, choice.allows) == ("choice", "red", False)
    denied = choose(
        "permission", options, verdict=OptionKind.REJECT_ONCE, option=None, text="no", scope=Scope.ONCE
    )
    assert denied.option is None
    with pytest.raises(InvalidInput, match="red, None"):
        choose("question", options, verdict=None, option="blue", text="", scope=Scope.ONCE)


OFFERED = {"options": [{"id": "l", "label": "To the left"}, {"id": "r"}]}


@pytest.mark.parametrize(
    ("document", "answer", "words"),
    [
        (OFFERED, {"kind": "choice", "option": "l", "text": ""}, "To the left"),
        (OFFERED, {"kind": "choice", "option": "l", "text": "slowly"}, "To the left: slowly"),
        (OFFERED, {"kind": "choice", "option": "r", "text": ""}, "r"),
        (OFFERED, {"kind": "choice", "option": None, "text": "straight on"}, "straight on"),
        ({}, {"kind": "reject_once", "option": "no", "text": "too late"}, "too late"),
        ({}, {"kind": "allow_once", "option": "yes", "text": ""}, ""),
        ({}, {"kind": "reject_once", "option": None, "text": CLARIFY_WORDS + "why?"}, "why?"),
        ({}, None, ""),
    ],
)
def test_an_answer_is_told_in_the_very_words(
    document: dict[str, Any], answer: dict[str, Any] | None, words: str
) -> None:
    """SW-1"""
    assert answer_in_words("answered", document, answer) == words
    assert answer_in_words("expired", document, answer) == ""
