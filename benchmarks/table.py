"""Rows as text: for the terminal and for the documentation."""

from __future__ import annotations

from benchmarks.model import Row

HEADINGS = ("bench", "figure", "muster", "against", "its figure", "ratio", "target", "reached")


def number(value: float | None, unit: str = "") -> str:
    """A figure with as many digits as it deserves; a dash when there is none."""
    if value is None:
        return "-"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
    return f"{text} {unit}".rstrip()


def cells(row: Row) -> tuple[str, ...]:
    """The texts of one line."""
    reached = {True: "yes", False: "NO", None: "-" if row.target == "" else "not measured"}[row.reached]
    against = f"{row.against} (raw reference)" if row.against_role == "raw" else row.against or "-"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}x" if row.ratio < 10 else f"{row.ratio:.0f}x"
    return (
        row.bench,
        row.figure,
        number(row.own, row.unit),
        against,
        number(row.other, row.unit) if row.against else "-",
        ratio,
        row.target or "-",
        reached,
    )


def as_text(rows: list[Row]) -> str:
    """An aligned table with the remarks below it."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    remarks = dict.fromkeys(f"  {row.bench}: {row.remark}" for row in rows if row.remark)
    return "\n".join([*text, *remarks])


def as_markdown(rows: list[Row]) -> str:
    """The same as a Markdown table, with each side's durability."""
    lines = [
        "| " + " | ".join(HEADINGS) + " |",
        "|" + "---|" * len(HEADINGS),
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
    ]
    return "\n".join(lines)
