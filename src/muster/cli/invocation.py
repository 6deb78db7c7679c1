"""What all verbs share: the common options, the settings, the connection, the output."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from muster.cli.output import Output

if TYPE_CHECKING:
    from muster.bootstrap.settings import Settings
    from muster.cli.connection import Connection


@dataclass(slots=True)
class Invocation:
    """One run of `muster`: its common options, read lazily into settings."""

    output: Output = field(default_factory=Output)
    config: Path | None = None
    overrides: dict[str, str] = field(default_factory=dict[str, str])
    """Settings given as flags, by dotted key."""

    def override(self, key: str, value: object) -> None:
        """A setting given as a flag; None is no flag."""
        if value is not None:
            self.overrides[key] = str(value)

    def settings(self) -> Settings:
        """The settings in force; InvalidSettings says what is wrong with them."""
        from muster.bootstrap.loading import load_settings

        return load_settings(flags=self.overrides, config=self.config)

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection to the server of the settings."""
        from muster.bootstrap.daemon import client_url
        from muster.cli.connection import Connection

        settings = self.settings()
        token = settings.server.token
        advice = "Start it with: muster start"
        if settings.server.url is not None:
            advice = (
                f"Is it running? The address comes from {settings.origins.get('server.url', 'the settings')}."
            )
        connection = Connection(
            client_url(settings), token=token.get_secret_value() if token else None, advice=advice
        )
        try:
            yield connection
        finally:
            connection.close()


def invocation(context: typer.Context) -> Invocation:
    """The invocation a command belongs to."""
    return cast(Invocation, context.find_root().obj)


def group(summary: str, *, alone: bool = False) -> typer.Typer:
    """A verb with verbs of its own, such as `muster queue`; with `alone` it does something without one too."""
    return typer.Typer(
        help=summary,
        no_args_is_help=not alone,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _json(context: typer.Context, value: bool) -> None:
    if value:
        invocation(context).output.as_json = True


def _config(context: typer.Context, value: Path | None) -> None:
    if value is not None:
        invocation(context).config = value


def _url(context: typer.Context, value: str | None) -> None:
    invocation(context).override("server.url", value)


def _data_dir(context: typer.Context, value: str | None) -> None:
    invocation(context).override("data_dir", value)


def _database_url(context: typer.Context, value: str | None) -> None:
    invocation(context).override("database.url", value)


def _settings(context: typer.Context, values: list[str] | None) -> None:
    for item in values or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise typer.BadParameter(f"{item!r} must look like server.port=5006")
        invocation(context).override(key.strip(), value)


def common_options(
    common_as_json: Annotated[
        bool, typer.Option("--json", callback=_json, expose_value=False, help="Answer as JSON on stdout.")
    ] = False,
    common_config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", callback=_config, expose_value=False, help="Use this muster.yml."
        ),
    ] = None,
    common_data_dir: Annotated[
        str | None,
        typer.Option(
            "--data-dir",
            metavar="DIR",
            callback=_data_dir,
            expose_value=False,
            help="Where muster keeps its data.",
        ),
    ] = None,
    common_database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            metavar="URL",
            callback=_database_url,
            expose_value=False,
            help="sqlite:///PATH or postgresql://...",
        ),
    ] = None,
    common_url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", callback=_url, expose_value=False, help="Address of the server."
        ),
    ] = None,
    common_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            callback=_settings,
            expose_value=False,
            help="Override any setting, e.g. --set stale.fail_multiplier=3.",
        ),
    ] = None,
) -> None:
    """The options every verb takes, before or after it."""
