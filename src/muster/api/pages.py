"""The web interface: the files of its build, as they are served at `/`.

The build has fingerprinted names below `assets/`, kept by browsers for good, and `index.html`, which every address
of the interface answers. Where it was not built, a plain page says how to build it.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.types import Scope, Send

from muster.api.guard import SECURITY_HEADERS

INDEX: Final = "/index.html"
ASSETS: Final = "/assets/"
OTHERS: Final = frozenset({"api", "mcp", "sparkq", "ws", "health", "ready", "metrics"})
"""First parts of paths that are never pages."""
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_KEPT: Final = b"public, max-age=31536000, immutable"
_TYPES: Final = {
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_HOW: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>muster</title>
<h1>The web interface is not built</h1>
<p>The server runs, and so do its API and command line. To build the interface, install Node 20.19 or later, run
<code>make setup</code> in muster's folder and start the server again. A released package brings it along.</p>
<p>The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</html>
"""

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file: its bytes, and the same compressed, by encoding."""

    kind: str
    plain: bytes
    etag: str
    packed: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class Pages:
    """The files of a build, read once. `folder` may be missing."""

    def __init__(self, folder: Path) -> None:
        self._files = _read(folder)
        index = self._files.get(INDEX) or PageFile("text/html; charset=utf-8", _HOW, _etag(_HOW))
        self._index = index
        self._built = INDEX in self._files
        self._policy = _policy(index.plain)

    def find(self, scope: Scope, headers: Headers) -> PageFile | None:
        """What a request asks for, if it asks for a page at all.

        An address that is no file is one of the interface's own when a browser opens it.
        """
        if scope["method"] not in ("GET", "HEAD"):
            return None
        path: str = scope["path"]
        if path == "/":
            return self._index
        found = self._files.get(path)
        if found is not None:
            return found
        if path.startswith(ASSETS) or path.split("/", 2)[1] in OTHERS or not self._built:
            return None
        return self._index if b"text/html" in headers.get(b"accept", b"") else None

    async def answer(
        self, file: PageFile, scope: Scope, headers: Headers, send: Send, request_id: str
    ) -> int:
        """Send a file; the status."""
        own: list[tuple[bytes, bytes]] = [
            (b"content-type", file.kind.encode()),
            (b"content-security-policy", self._policy),
            (b"cache-control", _KEPT if scope["path"].startswith(ASSETS) else b"no-cache"),
            (b"vary", b"accept-encoding"),
            (b"etag", file.etag.encode()),
            (b"x-request-id", request_id.encode("ascii")),
        ]
        names = {name for name, _ in own}
        own += [pair for pair in SECURITY_HEADERS if pair[0] not in names]
        if headers.get(b"if-none-match") == file.etag.encode():
            await send({"type": "http.response.start", "status": 304, "headers": own})
            await send({"type": "http.response.body", "body": b""})
            return 304
        body = file.plain
        accepted = headers.get(b"accept-encoding", b"").decode("latin-1")
        for encoding, packed in file.packed.items():
            if encoding in accepted:
                body = packed
                own.append((b"content-encoding", encoding.encode()))
                break
        own.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        return 200


def _read(folder: Path) -> dict[str, PageFile]:
    found: dict[str, PageFile] = {}
    suffixes = {suffix for _, suffix in _ENCODINGS}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_file() or path.suffix in suffixes or path.name.startswith("."):
            continue
        plain = path.read_bytes()
        packed = {
            encoding: other.read_bytes()
            for encoding, suffix in _ENCODINGS
            if (other := path.with_name(path.name + suffix)).is_file()
        }
        found["/" + path.relative_to(folder).as_posix()] = PageFile(_kind(path), plain, _etag(plain), packed)
    return found


def _kind(path: Path) -> str:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _policy(index: bytes) -> bytes:
    """Everything from this server, nothing else; of scripts inside the page only those of the build."""
    hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in _INLINE.findall(index)]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ).encode()
