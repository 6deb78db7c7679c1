"""Which hosts a program in a sandbox may reach: rules by name, checked before a name is even looked up."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain.errors import InvalidInput

USUAL_PORTS: Final = (443, 80)
"""Of a rule that names none."""
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRule:
    """`example.com`, `*.example.com` (every name below it), `example.com:8443`, `10.1.2.3:5432`, `[fd00::1]:80`."""

    host: str
    below: bool = False
    ports: tuple[int, ...] = USUAL_PORTS

    def fits(self, host: str, port: int) -> bool:
        """Whether it speaks of a host, named as `plain_host` gives it, and a port."""
        if port not in self.ports:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host

    def reaches(self, address: Address) -> bool:
        """Whether a name that fits may stand for an address.

        A host's own and link-local addresses only when the rule is that address; private ones only when it names the host.
        """
        if _literal(self.host) == address:
            return True
        if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
            return False
        return address.is_global or not self.below


def parse_rule(text: str) -> HostRule:
    """A rule from its text. InvalidInput says what is wrong with it."""
    name, port = _split(text.strip())
    below = name.startswith("*.")
    host = None if "/" in text else plain_host(name.removeprefix("*."))
    if host is None or (below and _literal(host) is not None):
        raise InvalidInput(
            field="allow_hosts",
            problem=f"{text[:100]!r} is no host: write example.com, *.example.com, example.com:8443 or an address",
        )
    if port is None:
        return HostRule(host=host, below=below)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InvalidInput(
            field="allow_hosts", problem=f"{text[:100]!r} has no port of 1 to 65535 after the colon"
        )
    return HostRule(host=host, below=below, ports=(int(port),))


def rule_for(rules: Sequence[HostRule], host: str, port: int) -> HostRule | None:
    """The first rule that lets a program reach `host` (as it wrote it) at `port`; None: it may not."""
    plain = plain_host(host)
    return None if plain is None else next((rule for rule in rules if rule.fits(plain, port)), None)


def plain_host(host: str) -> str | None:
    """A name in lower case without its last dot, or an address in its usual form; None when it is neither."""
    text = host.strip("[]") if host.startswith("[") else host
    address = _literal(text)
    if address is not None:
        return str(address)
    try:
        name = text.removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        return None
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.match, labels)) or labels[-1].isdigit():
        return None
    return name


def _literal(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _split(text: str) -> tuple[str, str | None]:
    """Name and port; the port of a bare IPv6 address is none."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        return host[1:] if bracket else "", rest.removeprefix(":") if rest else None
    if text.count(":") != 1:
        return text, None
    name, _, port = text.partition(":")
    return name, port
