"""Shapes of links by which a browser saves something."""

from __future__ import annotations

from pydantic import Field

from muster.api.schemas.shape import Answer, Body, Moment


class BundleLink(Body):
    """Of which attempt."""

    attempt: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: the latest.")


class DownloadLink(Answer):
    """A link that is good once."""

    url: str = Field(description="A path of this server; it is a secret until it is used.")
    attempt: int
    attempt_id: str
    expires_at: Moment
