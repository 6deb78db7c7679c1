"""Where an agent's requests wait for people, and people's words for the agent."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from muster.agents.adapter import Answer
from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask, Directive
from muster.client.wire_approvals import AskRequest
from muster.domain.transcript import OptionKind, PermissionRequest, Question
from muster.domain.transcript_json import document_of
from muster.worker.clock import Clock

log = logging.getLogger(__name__)

Request = PermissionRequest | Question
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
TITLE: Final = 500


class Desk:
    """Asks the server, and hands answers to `deliver` once each. While something waits, the attempt's clock stands still."""

    def __init__(
        self,
        client: Client,
        claim: ClaimedTask,
        clock: Clock,
        answer_seconds: float | None,
        deliver: Callable[[str, Answer], None],
    ) -> None:
        self._client = client
        self._claim = claim
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._deliver = deliver
        self._asked: asyncio.Queue[Request] = asyncio.Queue()
        self._waiting: set[str] = set()

    def ask(self, request: Request) -> None:
        """The agent waits for an answer to this."""
        if request.id not in self._waiting:
            self._waiting.add(request.id)
            self._clock.pause()
            self._asked.put_nowait(request)

    def hear(self, word: Directive) -> None:
        """An answer came. One to nothing that waits here changes nothing."""
        if word.key is not None:
            self._settle(word.key, word.option_kind or OptionKind.REJECT_ONCE, word.option, word.text)

    async def run(self) -> None:
        """Make the requests known to the server, until cancelled."""
        while True:
            request = await self._asked.get()
            await self._make_known(request)

    async def _make_known(self, request: Request) -> None:
        pause = FIRST_PAUSE
        while request.id in self._waiting:
            try:
                told = await self._client.ask(self._claim.attempt_id, self._question(request))
            except ApiError as error:
                if error.status < 500 and error.status != 429:
                    log.warning("%s: its request was refused: %s", self._claim.attempt_id, error.message)
                    self._settle(
                        request.id, OptionKind.REJECT_ONCE, None, f"Nobody can be asked: {error.message}"
                    )
                    return
            except (Unreachable, BadAnswer) as error:
                log.debug("%s: its request waits: %s", self._claim.attempt_id, error.message)
            else:
                if told.answer is not None:
                    answer = told.answer
                    self._settle(request.id, answer.kind, answer.option, answer.text)
                return
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _question(self, request: Request) -> AskRequest:
        document: dict[str, Any] = document_of(request)
        kind = document.pop("kind")
        document.pop("id")
        title = request.title if isinstance(request, PermissionRequest) else request.text
        return AskRequest(
            token=self._claim.token,
            key=request.id,
            kind=kind,
            title=title.replace("\0", "")[:TITLE] or "a request",
            document=document,
            expires_in_seconds=self._answer_seconds,
        )

    def _settle(self, key: str, kind: str, option: str | None, text: str) -> None:
        if key not in self._waiting:
            return
        self._waiting.discard(key)
        self._clock.resume()
        self._deliver(key, Answer(kind=OptionKind(kind), option=option, text=text))
