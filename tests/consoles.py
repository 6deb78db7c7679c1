"""Somebody at a console: types, and reads until an answer is there."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from muster.client.client import Client

SECONDS = 60


@dataclass
class Person:
    """Over the API, by position."""

    client: Client
    ident: str
    text: str = ""
    typed: int = 0
    read: int = 0

    @classmethod
    async def of(cls, client: Client, sandbox: str, **size: int) -> Person:
        opened = await client.post(f"/sandboxes/{sandbox}/console", size)
        return cls(client, str(opened["id"]))

    async def type(self, words: str) -> None:
        data = words.encode()
        body = {"position": self.typed, "data": b64encode(data).decode()}
        self.typed = (await self.client.post(f"/consoles/{self.ident}/write", body))["position"]

    async def resize(self, columns: int, rows: int) -> None:
        body = {"position": self.typed, "columns": columns, "rows": rows}
        await self.client.post(f"/consoles/{self.ident}/write", body)

    async def says(self, words: str, answer: str) -> str:
        """Type a line and read until the answer is there."""
        await self.type(words + "\n")
        async with asyncio.timeout(SECONDS):
            while answer not in self.text:
                shown = await self.next()
                assert shown["state"] != "ended", (shown, self.text)
        return self.text

    async def until(self, words: str, answer: str) -> None:
        """Type a line again and again until the answer is there."""
        async with asyncio.timeout(SECONDS):
            while answer not in self.text:
                await self.type(words + "\n")
                await self.next()

    async def end(self) -> Any:
        """Read on to the end."""
        async with asyncio.timeout(SECONDS):
            while (shown := await self.next())["state"] != "ended":
                pass
        return shown

    async def next(self) -> Any:
        body = {"position": self.read, "wait_seconds": 10}
        shown = await self.client.post(f"/consoles/{self.ident}/read", body)
        self.text += b64decode(shown["data"]).decode(errors="replace")
        self.read = shown["position"]
        return shown
