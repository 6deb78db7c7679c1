"""Model providers that fail, and how their tasks go on."""

from __future__ import annotations

from typing import Final

from muster.api.routing import Route
from muster.api.schemas.providers import FailingProvider, FailingProviderList
from muster.api.schemas.shape import Done, EntityName
from muster.api.services import ServicesHere
from muster.api.times import iso, iso_or_none
from muster.commands.circuits import close_circuit
from muster.projections.circuits import failing_providers


async def list_failing_providers(services: ServicesHere) -> FailingProviderList:
    """Model providers whose calls failed in a row; tasks of their agents wait with `circuit_open`."""
    return FailingProviderList(
        items=[
            FailingProvider(
                name=row.name,
                state=row.state,
                failures=row.failures,
                until=iso_or_none(row.until),
                agents=row.agents,
                message=row.message,
                updated_at=iso(row.updated_at),
            )
            for row in await failing_providers(services.store)
        ]
    )


async def retry_provider(services: ServicesHere, name: EntityName) -> Done:
    """Go on with the tasks of a failing provider at once. 404 when it does not fail."""
    await services.store.execute(close_circuit(name))
    return Done(id=name, done="tried again")


ROUTES: Final = (
    Route("GET", "/providers/failing", list_failing_providers),
    Route("POST", "/providers/{name}/retry", retry_provider, (404,)),
)
