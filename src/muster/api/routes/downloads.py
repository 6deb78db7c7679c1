"""Links by which a browser saves something, where calls want a token."""

from __future__ import annotations

from typing import Final

from starlette.responses import StreamingResponse

from muster.api.downloads import GOOD_SECONDS, Bundle
from muster.api.routes.task_files import ZipResponse, bundle_response, bundled_attempt
from muster.api.routing import PREFIX, Route
from muster.api.schemas import downloads as shapes
from muster.api.services import ServicesHere
from muster.domain import ids
from muster.domain.times import iso


async def make_bundle_link(
    services: ServicesHere, task_id: str, body: shapes.BundleLink
) -> shapes.DownloadLink:
    """Make a link that saves the bundle of an attempt: once, within a minute, without a token.

    For browsers, which send none with a link they save to the disk. Who has the token gives it away by giving the link.
    """
    attempt, number = await bundled_attempt(services, task_id, body.attempt)
    name = services.downloads.make(Bundle(task_id, number))
    until = services.store.now() + int(GOOD_SECONDS * 1_000_000)
    return shapes.DownloadLink(
        url=f"{PREFIX}/downloads/{name}",
        attempt=number,
        attempt_id=ids.encode(ids.ATTEMPT, attempt),
        expires_at=iso(until),
    )


async def spend_link(services: ServicesHere, name: str) -> StreamingResponse:
    """Save what a link leads to. It needs no token, and is used up; pages of other sites may not follow it."""
    what = services.downloads.spend(name)
    return await bundle_response(services, what.task_id, what.attempt)


ROUTES: Final = (
    Route("POST", "/tasks/{task_id}/bundle/link", make_bundle_link, (404,)),
    Route("GET", "/downloads/{name}", spend_link, (404,), answer=ZipResponse),
)
