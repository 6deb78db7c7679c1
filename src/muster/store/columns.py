"""What tables are made of: integers and text, the same on both databases."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text, text

metadata = MetaData()

# Only a key declared INTEGER is the row id itself on SQLite; BIGINT would cost every table a second tree.
_INTEGER = BigInteger().with_variant(Integer(), "sqlite")


def integer(name: str, *, key: bool = False, null: bool = False, default: int | None = None) -> Column[int]:
    server_default = None if default is None else text(str(default))
    return Column(
        name, _INTEGER, primary_key=key, nullable=null, server_default=server_default, autoincrement=False
    )


def textual(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[str]:
    server_default = None if default is None else text(f"'{default}'")
    return Column(name, Text, primary_key=key, nullable=null, server_default=server_default)
