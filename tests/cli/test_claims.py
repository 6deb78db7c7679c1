"""What this machine remembers of claims, and that one worker works on a queue."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from muster.cli.claim_book import ClaimBook
from muster.cli.task_ids import AmbiguousId
from muster.cli.worker import WorkerLocked, queue_lock
from muster.domain.errors import NotFound

CLAIM = {
    "task_id": "tsk_0dq3m8x1c7w00",
    "attempt_id": "att_0dq3m8x1c7w05",
    "token": "s3cret",
    "title": "T",
    "queue": "q",
}
HOLD = """
import sys
from pathlib import Path
from muster.cli.worker import queue_lock
with queue_lock(Path(sys.argv[1]), "by hand/x"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def book(tmp_path: Path) -> ClaimBook:
    return ClaimBook(tmp_path / "data")


class TestClaimBook:
    """Tokens are kept, so that any shell can report (SQ-10)."""

    def test_a_claim_is_found_by_task_attempt_or_part(self, book: ClaimBook) -> None:
        held = book.keep(CLAIM, "me")
        for part in ("tsk_0dq3m8x1c7w00", "att_0dq3m8x1c7w05", "c7w00"):
            assert book.find(part) == held

    def test_tokens_are_for_their_owner_only(self, book: ClaimBook, tmp_path: Path) -> None:
        book.keep(CLAIM, "me")
        [file] = (tmp_path / "data" / "claims").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    def test_an_unknown_claim_says_what_to_do(self, book: ClaimBook) -> None:
        with pytest.raises(NotFound, match="Claim it with 'muster claim'"):
            book.find("tsk_0dq3m8x1c7w00")

    def test_a_part_of_two_claims_is_ambiguous(self, book: ClaimBook) -> None:
        book.keep(CLAIM, "me")
        book.keep({**CLAIM, "task_id": "tsk_0dq3m8x1c7w01", "attempt_id": "att_0dq3m8x1c7w06"}, "me")
        with pytest.raises(AmbiguousId):
            book.find("0dq3m8")

    def test_forgetting_twice_is_fine_and_broken_files_are_passed_over(
        self, book: ClaimBook, tmp_path: Path
    ) -> None:
        book.keep(CLAIM, "me")
        (tmp_path / "data" / "claims" / "tsk_x.json").write_text("{")
        book.forget("tsk_0dq3m8x1c7w00")
        book.forget("tsk_0dq3m8x1c7w00")
        assert book.all() == []

    @pytest.mark.parametrize("evil", ["../../etc/passwd", "tsk_/x", ""])
    def test_ids_cannot_leave_the_folder(self, book: ClaimBook, evil: str) -> None:
        with pytest.raises(NotFound):
            book.keep({**CLAIM, "task_id": evil}, "me")


class TestQueueLock:
    """A lock prevents two manual workers on one queue (SQ-10)."""

    def test_a_second_worker_is_refused_and_told_who_works(self, tmp_path: Path) -> None:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(
                    WorkerLocked, match=rf"process {holder.pid}\) already works on queue by hand/x"
                ),
                queue_lock(tmp_path, "by hand/x"),
            ):
                pass
            with queue_lock(tmp_path, "another"):
                pass
            holder.kill()
            holder.wait(timeout=10)
        with queue_lock(tmp_path, "by hand/x"):
            pass
