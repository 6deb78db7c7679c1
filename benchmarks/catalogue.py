"""All benches, in the order of the table, with what muster must reach in each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks import dataset
from benchmarks.catalogue_web import WEB
from benchmarks.interpreters import oban_interpreter
from benchmarks.model import OWN, Bench, Figure, Parameters, Side
from benchmarks.postgres import cluster
from benchmarks.sides.working_copy import large_repository

PAIRS = "claim+complete"
RATE = "pairs/s"
CALLERS = 100


@contextlib.contextmanager
def _with_postgres(directory: Path, parameters: Parameters) -> Iterator[Parameters]:
    with cluster(directory) as running:
        yield {"postgres_port": running.port, "postgres_version": running.version}


@contextlib.contextmanager
def _with_dataset(directory: Path, parameters: Parameters) -> Iterator[Parameters]:
    data = dataset.cached(dataset.Size(parameters["tasks"], parameters["events"]))
    yield {"data": str(data), "day": list(dataset.middle_day(data))}


def _served(module: str, durability: str = "default") -> tuple[Side, Side]:
    """The same load on muster and on the bare ASGI server."""
    own = {"server": "muster", "durability": durability}
    return (
        Side(name=OWN, module=module, role="own", parameters=own),
        Side(name="bare ASGI", module=module, role="raw", parameters={"server": "raw"}),
    )


def _in_process(**more: object) -> Parameters:
    return {"callers": CALLERS, **more}


SQLITE_COMMIT = Bench(
    name="sqlite-commit",
    title="claim+complete in process, 100 callers, SQLite, commit before the answer",
    sides=(
        Side(
            name=OWN, module="benchmarks.sides.muster_store", role="own", parameters={"durability": "relaxed"}
        ),
        Side(name="litequeue", module="benchmarks.sides.litequeue"),
        Side(
            name="litequeue behind a lock",
            module="benchmarks.sides.litequeue",
            parameters={"shared_connection": True},
        ),
        Side(name="bare apsw", module="benchmarks.sides.raw_sqlite", role="raw", parameters={"fsync": False}),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=25_000,
            times={"litequeue": 6, "litequeue behind a lock": 6},
        ),
    ),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=5_000),
    method=(
        "Every side drains the same number of no-op jobs, queued off the clock, with 100 callers (threads for the "
        "peers, asyncio tasks for muster and for bare apsw); each caller claims one job and completes it, until "
        "none is left. After the run the completions are counted, and a run that lost one or did one twice gives no "
        "figure. muster runs its real commands: two events, the attempt with its lease, and the reservation "
        "and settlement of money for each job, all with an estimate and a cost above zero. litequeue's claim "
        "sorts all waiting rows, so its backlog is refilled in waves of 1,000, off the clock, which favours it; "
        "it is shown with a connection for each caller and with one connection behind a "
        "lock, where callers do not sleep in SQLite's busy handler."
    ),
)

SQLITE_FSYNC = Bench(
    name="sqlite-fsync",
    title="the same with completions answered after fsync (default durability)",
    sides=(
        Side(
            name=OWN, module="benchmarks.sides.muster_store", role="own", parameters={"durability": "default"}
        ),
        Side(name="huey", module="benchmarks.sides.huey"),
        Side(name="persist-queue", module="benchmarks.sides.persist_queue"),
        Side(name="bare apsw", module="benchmarks.sides.raw_sqlite", role="raw", parameters={"fsync": True}),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=12_000,
            times={"huey": 6, "persist-queue": 6},
        ),
    ),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=5_000),
    method=(
        "As above. huey has no acknowledgement (its claim deletes the row), so it commits once a job where the "
        "others commit twice."
    ),
)

POSTGRES = Bench(
    name="postgres",
    title="the same on PostgreSQL, synchronous_commit=on",
    sides=(
        Side(
            name=OWN,
            module="benchmarks.sides.muster_store",
            role="own",
            parameters={"database": "postgres", "durability": "strict"},
        ),
        Side(name="procrastinate", module="benchmarks.sides.procrastinate"),
        Side(name="oban", module="benchmarks.sides.oban", interpreter=oban_interpreter),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=8_000,
            times={"procrastinate": 15, "oban": 4},
        ),
    ),
    full=_in_process(jobs=10_000),
    quick=_in_process(jobs=2_000),
    setup=_with_postgres,
    method=(
        "muster runs with durability `strict`, so that its claims too are committed with synchronous_commit=on, as the "
        "peers' are (by default they are not). One throw-away cluster for the bench and a fresh database for each run. "
        "procrastinate and oban run jobs in a "
        "worker of their own, here with a concurrency of 100; oban claims in batches and acknowledges later, "
        "its clock stops at the last acknowledgement."
    ),
)

HTTP_FIGURES = (
    Figure(key="claim_p95_ms", label="claim p95", unit="ms", higher_is_better=False, limit=25),
    Figure(key="complete_p95_ms", label="complete p95", unit="ms", higher_is_better=False, limit=25),
)

HTTP = Bench(
    name="http",
    title="claim+complete over HTTP, 100 keep-alive agents, SQLite, commit before the answer",
    sides=_served("benchmarks.load.pairs", "relaxed"),
    figures=(Figure(key="pairs_per_second", label=PAIRS, unit=RATE, limit=5_000), *HTTP_FIGURES),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=4_000),
    method=(
        "The server runs as a user would start it, in its own process. The load tool is one process with 100 keep-alive "
        "connections, one agent each; it claims and completes as fast as it is answered, at about 15 us of "
        "processor time a request (it does 39,000 requests a second on the bare server). The reference is a bare "
        "ASGI function on the same uvicorn, uvloop and httptools which answers a static claim of the same size "
        "without reading what was asked: the ceiling of this HTTP stack, not of a product."
    ),
)

HTTP_FSYNC = Bench(
    name="http-fsync",
    title="the same with completions answered after fsync (default durability)",
    sides=_served("benchmarks.load.pairs"),
    figures=(Figure(key="pairs_per_second", label=PAIRS, unit=RATE, limit=3_000), *HTTP_FIGURES),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=4_000),
    method="As above.",
)

PICKUP = Bench(
    name="pickup",
    title="enqueue to a long-polling claimer, idle system",
    sides=_served("benchmarks.load.pickup"),
    figures=(
        Figure(key="p50_ms", label="pickup p50", unit="ms", higher_is_better=False),
        Figure(key="p95_ms", label="pickup p95", unit="ms", higher_is_better=False, limit=5),
    ),
    full={"jobs": 300},
    quick={"jobs": 60},
    method=(
        "One claimer waits in a long-poll; a task is queued on a second connection 20 ms later. Measured from sending "
        "the enqueue to the claimer having read its claim, so it contains the enqueue's own commit. The "
        "reference hands over in memory."
    ),
)

READS = Bench(
    name="reads",
    title="list, filter and detail over HTTP with 1M tasks and 10M events",
    sides=_served("benchmarks.load.reads"),
    figures=tuple(
        Figure(key=f"{group}_p95_ms", label=f"{group} p95", unit="ms", higher_is_better=False, limit=10)
        for group in ("list", "filter", "detail")
    ),
    full={"tasks": 1_000_000, "events": 10_000_000, "repeats": 50},
    quick={"tasks": 50_000, "events": 500_000, "repeats": 10},
    setup=_with_dataset,
    timeout_seconds=1_200,
    method=(
        "One connection, one request at a time, after a warm-up. Lists of 50 and 100; filters by state, queue, agent, "
        "day, tag, words and pairs of them; details and events of 20 tasks spread over the list. The data "
        "set is made by SQL and kept between runs. The reference answers a static page of 60 kB, or a static detail."
    ),
)

WEBSOCKET_FIGURES = (
    Figure(key="lost", label="events lost", unit="", higher_is_better=False, limit=0),
    Figure(key="repeated", label="events repeated", unit="", higher_is_better=False, limit=0),
)

WEBSOCKET = Bench(
    name="websocket",
    title="WebSocket, 100 clients x 200 events/s",
    sides=_served("benchmarks.load.sockets"),
    figures=(
        Figure(key="p50_ms", label="latency p50", unit="ms", higher_is_better=False),
        Figure(key="p95_ms", label="latency p95", unit="ms", higher_is_better=False, limit=15),
        *WEBSOCKET_FIGURES,
    ),
    full={"clients": 100, "events_per_second": 200, "seconds": 10},
    quick={"clients": 100, "events_per_second": 200, "seconds": 3},
    method=(
        "200 tasks a second are queued over eight connections; all clients listen on /ws in one process with a "
        "minimal frame reader. Latency runs from sending the enqueue to each client reading its event, so it contains "
        "the commit and the fsync. Every client must get every event once."
    ),
)

WEBSOCKET_1000 = Bench(
    name="websocket-1000",
    title="WebSocket, 1,000 clients x 200 events/s",
    sides=_served("benchmarks.load.sockets"),
    figures=(
        Figure(key="p50_ms", label="latency p50", unit="ms", higher_is_better=False),
        Figure(key="p95_ms", label="latency p95", unit="ms", higher_is_better=False),
        *WEBSOCKET_FIGURES,
    ),
    full={"clients": 1_000, "events_per_second": 200, "seconds": 10},
    quick={"clients": 1_000, "events_per_second": 200, "seconds": 3},
    method=(
        "As above. The reference sends each event to each socket by itself and is past what it can do here: it is the "
        "naive way, not a ceiling."
    ),
)

MEMORY = Bench(
    name="memory",
    title="server memory with 1,000 agents and 1,000 sockets",
    sides=_served("benchmarks.load.memory"),
    figures=(
        Figure(key="resident_mib", label="resident", unit="MiB", higher_is_better=False, limit=200),
        Figure(key="peak_mib", label="peak", unit="MiB", higher_is_better=False, limit=200),
    ),
    full={"agents": 1_000, "sockets": 1_000},
    quick={"agents": 1_000, "sockets": 1_000},
    rounds=1,
    method=(
        "1,000 agents on keep-alive connections hold a claimed task each, 1,000 sockets have got 200 events; then "
        "the resident memory of the server and of what it started is read from /proc."
    ),
)

RECORD = Bench(
    name="record",
    title="record: agent stream lines, 50 a request",
    sides=_served("benchmarks.load.record"),
    figures=(Figure(key="lines_per_second", label="lines kept", unit="lines/s", limit=60_000),),
    full={"lines": 400_000, "streams": 20},
    quick={"lines": 100_000, "streams": 20},
    method=(
        "20 running attempts, each on its own connection, send 50 lines of 282 bytes a request; the position the "
        "server answers is checked. The reference reads the body and answers."
    ),
)

TRANSCRIPT = Bench(
    name="transcript",
    title="transcript: entries of agents, 50 a request",
    sides=_served("benchmarks.load.record"),
    figures=(Figure(key="lines_per_second", label="entries kept", unit="entries/s", limit=60_000),),
    full={"lines": 400_000, "streams": 20, "noun": "transcript"},
    quick={"lines": 100_000, "streams": 20, "noun": "transcript"},
    method=(
        "20 running attempts, each on its own connection, send 50 entries a request: a message, a tool call, its result, "
        "thinking and usage in turn, 180 bytes each on average; the position the server answers is checked. Every entry "
        "is decoded into its own shape and checked. The reference reads the body and answers."
    ),
)

PARSE = Bench(
    name="parse",
    title="parse: the recorded streams of all agents, bytes to entries",
    sides=(
        Side(name=OWN, module="benchmarks.sides.parse", role="own", parameters={"parse": True}),
        Side(name="JSON only", module="benchmarks.sides.parse", role="raw", parameters={"parse": False}),
    ),
    figures=(
        Figure(key="lines_per_second", label="lines parsed", unit="lines/s", limit=200_000),
        Figure(key="slowest", label="the slowest agent", unit="lines/s"),
    ),
    full={"lines": 40_000},
    quick={"lines": 8_000},
    method=(
        "Every adapter reads the recorded streams of its program again and again, each time with a new conversation, in "
        "pieces of 64 KiB, with as many lines for each; the figure is lines a second of processor time of one core. A "
        "line is 46 to 850 bytes on average. The reference decodes the same lines as JSON and does nothing with them."
    ),
)

_COPY = "benchmarks.sides.working_copy"
WORKING_COPY = Bench(
    name="working-copy",
    title="an agent's working copy of a repository with 50,000 files",
    sides=(
        Side(name=OWN, module=_COPY, role="own", parameters={"way": "muster"}),
        Side(name="git worktree add", module=_COPY, parameters={"way": "worktree"}),
    ),
    figures=(
        Figure(key="ready_ms", label="copy ready", unit="ms", higher_is_better=False, limit=100),
        Figure(key="status_ms", label="first git status", unit="ms", higher_is_better=False),
        Figure(key="gone_ms", label="copy removed", unit="ms", higher_is_better=False),
    ),
    full={"files": 50_000, "copies": 5},
    quick={"files": 50_000, "copies": 3},
    rounds=1,
    setup=large_repository,
    method=(
        "Medians over copies made one after the other from the same commit of 50,000 text files of 1 kB. muster's copy has "
        "two git directories of its own and lies over a checkout that is kept and made once, off the clock: its time is "
        "in the remark. Ready means that every file can be read and written; the files are counted and git must find "
        "nothing changed. The disk's mood shows in git's figures: they write every file."
    ),
)


GATEWAY = Bench(
    name="gateway",
    title="the model gateway: first byte of a streamed answer, with it between and without",
    sides=(
        Side(name=OWN, module="benchmarks.sides.gateway", role="own"),
        Side(name="no gateway", module="benchmarks.sides.gateway", role="raw"),
    ),
    figures=(
        Figure(key="added_ms", label="added to the first byte", unit="ms", higher_is_better=False, limit=2),
        Figure(key="first_byte_p50_ms", label="first byte p50", unit="ms", higher_is_better=False),
        Figure(key="first_byte_p95_ms", label="first byte p95", unit="ms", higher_is_better=False),
    ),
    full={"calls": 500},
    quick={"calls": 150},
    method=(
        "A provider on loopback streams a short answer at once; client, gateway and provider are a process each. "
        "Calls go straight and through the gateway in turn, over connections that are kept; what is "
        "added is the difference of the medians within one run."
    ),
)

_FLEET = "benchmarks.sides.fleet"
AGENTS = Bench(
    name="agents-100",
    title="100 scripted agents at once, each with its own sandbox, working copy and commit",
    sides=(Side(name=OWN, module=_FLEET, role="own", parameters={"server": "muster", "what": "work"}),),
    figures=(
        Figure(key="right", label="right of 100", unit="", limit=100),
        Figure(key="seconds", label="submitted to the last commit", unit="s", higher_is_better=False),
        Figure(
            key="server_worker_mib",
            label="server and worker, peak",
            unit="MiB",
            higher_is_better=False,
            limit=500,
        ),
        Figure(key="everything_mib", label="with all agents, peak", unit="MiB", higher_is_better=False),
    ),
    full={"agents": 100},
    quick={"agents": 100},
    rounds=1,
    method=(
        "`muster up` with a capacity of 100 runs its usual level on one repository. Each agent edits a file, runs it and "
        "keeps what it said; a run is right when the commit on its branch holds that. "
        "Resident memory: of the one process that is server and "
        "worker at its peak, and of it with everything it started."
    ),
)

CANCEL = Bench(
    name="cancel-100",
    title="cancel to the last process gone, 100 agents",
    sides=(Side(name=OWN, module=_FLEET, role="own", parameters={"server": "muster", "what": "cancel"}),),
    figures=(
        Figure(key="in_time", label="gone within 1 s, of 100", unit="", limit=100),
        Figure(key="p50_ms", label="gone p50", unit="ms", higher_is_better=False),
        Figure(key="most_ms", label="gone, slowest", unit="ms", higher_is_better=False, limit=1_000),
    ),
    full={"agents": 100},
    quick={"agents": 100},
    rounds=1,
    method=(
        "100 scripted agents hang, each beside a daemon that has left its process group. One after the other is "
        "cancelled over the API while the others run; the time is until no process that had the task's environment is there."
    ),
)

_STARTS = "benchmarks.sides.sandboxes"
_BARE = (
    Side(name="bare bwrap", module=_STARTS, role="raw", parameters={"how": "bwrap"}),
    Side(name="posix_spawn", module=_STARTS, role="raw", parameters={"how": "spawn"}),
)
_LIMITED = Side(name="bwrap with limits", module=_STARTS, role="raw", parameters={"how": "limited"})
_HOW_STARTS_ARE_MEASURED = (
    "muster opens a sandbox through its driver, as a worker does, and runs a shell that writes a line and waits; "
    "the time is from the call to the line. Many alive: as many as named are asked for at once; the time is until all "
    "have written and none has ended. The references spawn the same shell, by itself, and under bare bwrap with "
    "the same namespaces and the same read-only system, but without limits, a filter or anything that watches: bare bwrap "
    "is what no cold start with these namespaces can be below. None of the levels process, bubblewrap and container is a "
    "virtual machine; gvisor is a kernel in user space."
)


def _started(level: str, warm: int = 0) -> Side:
    parameters = {"how": "muster", "level": level, "warm": warm}
    return Side(name=OWN, module=_STARTS, role="own", parameters=parameters)


def _delay(key: str, label: str, limit: float | None = None) -> Figure:
    return Figure(key=key, label=label, unit="ms", higher_is_better=False, limit=limit)


SANDBOX_COLD = Bench(
    name="sandbox-cold",
    title="a bubblewrap sandbox, cold, fully isolated: first byte",
    sides=(_started("bubblewrap"), *_BARE),
    figures=(
        _delay("first_byte_p50_ms", "first byte p50", 10),
        _delay("first_byte_p99_ms", "first byte p99"),
    ),
    full={"starts": 100, "alive": 0, "pause": 0.03},
    quick={"starts": 30, "alive": 0, "pause": 0.03},
    method=_HOW_STARTS_ARE_MEASURED,
)

SANDBOX_WARM = Bench(
    name="sandbox-warm",
    title="a bubblewrap sandbox from the warm pool: lease to the first byte of its program",
    sides=(_started("bubblewrap", warm=4), *_BARE),
    figures=(
        _delay("first_byte_p50_ms", "first byte p50", 2),
        _delay("first_byte_p99_ms", "first byte p99", 10),
        Figure(key="memory_mib", label="memory each", unit="MiB", higher_is_better=False),
    ),
    full={"starts": 200, "alive": 0, "pause": 0.03},
    quick={"starts": 40, "alive": 0, "pause": 0.03},
    method=(
        "As above, once the pool is full again: the time contains opening the sandbox, its folders and limits, and the start of "
        "a shell. A run in which one program did not come from the pool gives no figure. Memory is that of all its processes, "
        "the supervisor's included, what they share divided among them."
    ),
)

SANDBOX_HUNDRED = Bench(
    name="sandbox-hundred",
    title="100 bubblewrap sandboxes alive, fully isolated: cold, and from a warm pool of 100",
    sides=(_started("bubblewrap", warm=100), *_BARE, _LIMITED),
    figures=(_delay("alive_ms", "100 alive, cold", 500), _delay("warm_alive_ms", "100 alive, warm", 100)),
    full={"starts": 0, "alive": 100, "pause": 0.03},
    quick={"starts": 0, "alive": 100, "pause": 0.03},
    method=(
        "As above. `bwrap with limits` also has what a start of muster's has of the kernel: the attempt's folders, the filter, "
        "control groups; what is left between it and muster is the worker and the supervisor that watches each of them."
    ),
)


def _sandbox(level: str, alive: int) -> Bench:
    return Bench(
        name=f"sandbox-{level}",
        title=f"sandbox starts, level {level}, cold, isolated as the level is",
        sides=(_started(level), *_BARE),
        figures=(
            _delay("first_byte_p50_ms", "first byte p50"),
            _delay("first_byte_p99_ms", "first byte p99"),
            _delay("alive_ms", f"{alive} alive"),
        ),
        full={"starts": 10, "alive": alive, "pause": 0.03},
        quick={"starts": 5, "alive": alive, "pause": 0.03},
        method="As above.",
    )


SANDBOXES = (
    SANDBOX_COLD,
    SANDBOX_WARM,
    SANDBOX_HUNDRED,
    _sandbox("process", 100),
    _sandbox("container", 10),
    _sandbox("gvisor", 10),
)

BENCHES: tuple[Bench, ...] = (
    SQLITE_COMMIT,
    SQLITE_FSYNC,
    POSTGRES,
    HTTP,
    HTTP_FSYNC,
    PICKUP,
    READS,
    WEBSOCKET,
    WEBSOCKET_1000,
    MEMORY,
    RECORD,
    TRANSCRIPT,
    PARSE,
    WORKING_COPY,
    GATEWAY,
    AGENTS,
    CANCEL,
    *SANDBOXES,
    *WEB,
)
