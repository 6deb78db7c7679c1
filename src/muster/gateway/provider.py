"""Who answers calls to models, and with which key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from muster.agents.adapter import Dialect
from muster.gateway.keyring import Key
from muster.gateway.usage_reader import Take, take_anthropic, take_gemini, take_openai

TAKES: Final[Mapping[Dialect, Take]] = {
    Dialect.ANTHROPIC: take_anthropic,
    Dialect.OPENAI: take_openai,
    Dialect.GEMINI: take_gemini,
}
CREDENTIALS: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`base_url` is without the API's own path (`/v1/...`). Without `keys` the agent's own sign-in is passed on."""

    name: str
    dialect: Dialect
    base_url: str
    keys: tuple[Key, ...] = ()
    """One for each account, in the order in which they are used."""
    free: bool = False
    """It runs on one's own machine: nobody charges for it."""
    concurrency: int | None = None
    """Calls at once from this worker; more wait for their turn."""

    def headers(self, given: Mapping[str, str], token: str, key: Key | None) -> dict[str, str] | None:
        """The agent's headers as they go out: with an account's key in place of the run's token.

        None when there is no key to be put there and the agent brought no sign-in of its own.
        """
        kept = {
            name: value
            for name, value in given.items()
            if name.lower() not in HOP_BY_HOP and name.lower() not in CREDENTIALS
        }
        # Bodies pass as they are: a compressed one could not be read on its way.
        kept = {name: value for name, value in kept.items() if name.lower() != "accept-encoding"}
        kept["Accept-Encoding"] = "identity"
        if key is not None:
            return kept | self._credential(key.value)
        own = {
            name: value for name, value in given.items() if name.lower() in CREDENTIALS and token not in value
        }
        return kept | own if own or self.free else None

    def _credential(self, key: str) -> dict[str, str]:
        match self.dialect:
            case Dialect.ANTHROPIC:
                return {"x-api-key": key}
            case Dialect.OPENAI:
                return {"Authorization": f"Bearer {key}"}
            case Dialect.GEMINI:
                return {"x-goog-api-key": key}


def error_body(dialect: Dialect, code: str, message: str) -> dict[str, object]:
    """An error in the shape that the dialect's clients understand."""
    match dialect:
        case Dialect.ANTHROPIC:
            return {"type": "error", "error": {"type": code, "message": message}}
        case Dialect.OPENAI:
            return {"error": {"type": code, "code": code, "message": message}}
        case Dialect.GEMINI:
            return {"error": {"code": 400, "status": code.upper(), "message": message}}
