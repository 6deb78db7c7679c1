"""Who may talk to the server: host names against DNS rebinding, origins against other sites' pages, the token."""

from __future__ import annotations

import hmac
import re
from typing import Final

from muster.api.errors import CrossOrigin, HostNotAllowed
from muster.domain.errors import Unauthenticated

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]/@\s]+))(?::\d{1,5})?")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS: Final = frozenset({"/health", "/ready"})

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Checks made before anything of a request is read. `hosts` are names besides loopback's, `origins` whole origins."""

    def __init__(self, hosts: frozenset[str], origins: frozenset[str], token: str | None) -> None:
        self._hosts = frozenset(name.lower() for name in hosts) | LOOPBACK_NAMES
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._bearer = None if token is None else f"Bearer {token}".encode()
        self._known_hosts: set[bytes] = set()

    def check(self, headers: dict[bytes, bytes], *, path: str, changes: bool, anybody: bool = False) -> None:
        """Raise when the caller may not do this. `changes`: the request may change something (or opens a socket).
        `anybody`: no token is wanted, since the answer is the same for everybody and tells nothing, or the path is a leave."""
        host = headers.get(b"host", b"")
        if host not in self._known_hosts:
            self._check_host(host)
        if changes:
            self._check_origin(headers, host)
        if self._bearer is not None and path not in OPEN_PATHS and not anybody:
            self._check_token(headers.get(b"authorization", b""))

    def _check_host(self, host: bytes) -> None:
        text = host.decode("latin-1")
        if _name_of(text) not in self._hosts:
            raise HostNotAllowed(host=text[:100] or "(none)")
        if len(self._known_hosts) < 100:
            self._known_hosts.add(host)

    def _check_origin(self, headers: dict[bytes, bytes], host: bytes) -> None:
        origin = headers.get(b"origin")
        if origin is not None:
            text = origin.decode("latin-1").lower()
            if text not in self._origins and text.partition("://")[2] != host.decode("latin-1").lower():
                raise CrossOrigin(origin=text[:100])
        elif headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            raise CrossOrigin(origin="another site")

    def _check_token(self, given: bytes) -> None:
        if self._bearer is None or not hmac.compare_digest(given, self._bearer):
            raise Unauthenticated()


def _name_of(host: str) -> str:
    """The name in a Host header, without the port and the brackets of an IPv6 address; "" when it is none."""
    found = _HOST.fullmatch(host)
    return "" if found is None else (found["v6"] or found["name"]).lower()
