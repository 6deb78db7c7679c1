"""The benches of the web interface: the budgets of docs/design/ui.md, sections 11 and 15."""

from __future__ import annotations

from typing import Any

from benchmarks.model import OWN, Bench, Figure, Side

_MODULE = "benchmarks.sides.web"


def _sides(what: str, *, reference: bool = True) -> tuple[Side, ...]:
    own = Side(name=OWN, module=_MODULE, role="own", parameters={"what": what, "page": "muster"})
    blank = Side(name="an empty page", module=_MODULE, role="raw", parameters={"what": what, "page": "blank"})
    return (own, blank) if reference else (own,)


def _less(key: str, label: str, unit: str, limit: float | None = None) -> Figure:
    return Figure(key=key, label=label, unit=unit, higher_is_better=False, limit=limit)


def _bench(name: str, title: str, figures: tuple[Figure, ...], method: str, **more: Any) -> Bench:
    what = name.removeprefix("web-")
    return Bench(
        name=name,
        title=title,
        sides=_sides(what, reference=more.pop("reference", True)),
        figures=figures,
        method=method,
        rounds=1,
        timeout_seconds=more.pop("timeout_seconds", 600),
        **more,
    )


WEB_PAINT = _bench(
    "web-paint",
    "Fleet in a browser that has never seen it: at full speed, and on a slow machine and network",
    (
        _less("fcp_ms", "first contentful paint", "ms", 800),
        _less("slow_fcp_ms", "first contentful paint, slow", "ms", 1_500),
        _less("slow_loaded_ms", "loaded, slow", "ms", 2_000),
        _less("slow_interactive_ms", "interactive, slow", "ms", 3_500),
        _less("layout_shift", "layout shift", "", 0.02),
    ),
    "Headless Chromium without a graphics processor, a new profile for each load, 60 agents at work; medians, and the worst "
    "layout shift. Slow is a processor four times slower and a network of 1.6 Mbit/s and 150 ms, made by the browser. "
    "Interactive is when rows of agents stand in the place of what holds it and no long task holds the page's thread. The "
    "reference is the shortest text of the same server, loaded in the same way.",
    full={"agents": 60, "repeats": 7},
    quick={"agents": 30, "repeats": 3},
)

WEB_INTERACTION = _bench(
    "web-interaction",
    "from a key or a press to the next paint, processor four times slower",
    (
        _less("p75_ms", "all interactions p75", "ms", 200),
        _less("lists_p75_ms", "in lists p75", "ms", 100),
        _less("palette_ms", "palette open, full speed", "ms", 50),
        _less("slow_palette_ms", "palette open", "ms"),
    ),
    "As the browser's Event Timing gives it, in steps of 8 ms from 16 on: keys through the lists of tasks and agents with the "
    "panel, pages by their keys, tabs of a task, filters, the theme, words typed. The palette is timed from the key to the "
    "first frame with it, median of all but the first time. The reference writes a word into an empty page on each key.",
    full={"agents": 60, "repeats": 9},
    quick={"agents": 30, "repeats": 5},
)

WEB_FLEET = _bench(
    "web-fleet",
    "Fleet with 1,000 agents at work, scrolled",
    (
        Figure(key="frames_per_second", label="frames", unit="/s", limit=55),
        _less("nodes", "nodes", "", 1_500),
        _less("frame_ms", "the page's thread", "ms/frame", 10),
    ),
    "24 px of scrolling each frame for three seconds; the thread's time is processor time. The reference moves an empty page "
    "by a pixel each frame: what this browser can do here without a graphics processor.",
    full={"agents": 1_000},
    quick={"agents": 1_000},
)

WEB_LARGE = _bench(
    "web-large",
    "opening a diff of 500 files and 20,000 lines, and a conversation of 5,000 entries",
    (
        _less("diff_ms", "diff, first file shown", "ms", 1_000),
        _less("conversation_ms", "conversation, newest entry shown", "ms", 1_000),
    ),
    "From the address to the first part on the screen, in a new tab of a browser that has the interface's files; medians. The "
    "diff is a commit of a real scripted agent. The reference is an empty page opened in the same way.",
    full={"entries": 5_000, "repeats": 7},
    quick={"entries": 5_000, "repeats": 3},
)

WEB_HEAP = _bench(
    "web-heap",
    "Fleet and a conversation left open while scripted agents speak four times a second",
    (
        _less("growth_mib", "heap growth, Fleet", "MiB", 10),
        _less("conversation_growth_mib", "heap growth, conversation", "MiB", 10),
        _less("thread_percent", "Fleet's thread at work", "%", 15),
        _less("longest_task_ms", "longest task", "ms"),
    ),
    "`muster up` with its worker runs real scripted agents in sandboxes, each saying a sentence every quarter of a second. After "
    "the windows have settled, JavaScript memory is read after a collection, and again at the end. The browser, the server "
    "and all agents share the processors.",
    reference=False,
    full={"agents": 128, "seconds": 600, "settle": 60},
    quick={"agents": 16, "seconds": 60, "settle": 20},
    timeout_seconds=1_800,
)

WEB = (WEB_PAINT, WEB_INTERACTION, WEB_FLEET, WEB_LARGE, WEB_HEAP)
