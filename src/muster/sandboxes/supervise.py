"""Starts programs, watches them, and leaves nothing of them behind. Run as a program of its own: standard library only.

One keeper process serves a worker. For every program it forks a supervisor, which adopts all
descendants of the program (they cannot leave it, whatever sessions and groups they make), ends
them when the program ends, when it is told to, and when the worker is gone: the control socket
then reads end-of-file, which no `kill -9` can prevent.

Keeper protocol: one byte with three descriptors (control, stdout, stderr), ahead of need: the supervisor then waits.
Control protocol, JSON: the worker sends one byte with a descriptor (stdin), the launch behind its length in eight
bytes, later lines, `{"kill": reason}`, `{"pause": true}`, `{"pause": false}` or `{"ping": true}`. The supervisor
answers in lines, `{"refused": text}` or `{"started": pid, "supervisor": pid}`, `{"pong": true}`, and at last
`{"ended": {code, signal, reason}}`.

A launch may be `warm`: its sandbox stands, with a shell in it that waits, before anybody knows what for. The supervisor
then answers `{"ready": true}`, and the worker sends, once, what a program may see and then what is to run, both like a
launch; descriptors of what it may see come with the first, where the worker can take them. The answer
is `{"entered": true}`, or `{"unfit": text}` when nothing of it has run.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

LINUX = sys.platform.startswith("linux")
PR_SET_CHILD_SUBREAPER = 36
WATCH_SECONDS = 0.2
STAND_SECONDS = 10.0
FREEZE_PASSES = 20
CLOSED_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
MOST_TREES = 200
"""Descriptors that fit one message, and far more than an attempt has."""


class Children:
    """Notices the end of children: `fd` becomes readable. Once SIGCHLD is `_noted`, here or where this was forked."""

    def __init__(self) -> None:
        if LINUX:
            self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        else:
            self.fd, self._write = os.pipe()
            os.set_blocking(self.fd, False)
            os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def reap(self) -> tuple[dict[int, int], bool]:
        """Wait statuses of the children that ended by process id, and whether any child is left."""
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            pass
        ended: dict[int, int] = {}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended, False
            if pid == 0:
                return ended, True
            ended[pid] = status


def _noted(_signal: int, _frame: object) -> None:
    """Only wakes the poll."""


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listing:
                found += map(int, listing.read().split())
    except OSError:
        pass
    return found


def tree(pid: int) -> list[list[int]]:
    """Process ids of all descendants, one list a generation."""
    levels: list[list[int]] = []
    level = children_of(pid)
    while level:
        levels.append(level)
        level = [grandchild for child in level for grandchild in children_of(child)]
    return levels


def is_first(pid: int) -> bool:
    """Whether a process is the first of a namespace of its own."""
    numbers = status_field(pid, b"NSpid:")
    return len(numbers) > 1 and numbers[-1] == b"1"


def traced(pid: int) -> bool:
    return status_field(pid, b"TracerPid:") not in ([], [b"0"])


def status_field(pid: int, name: bytes) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            for line in status:
                if line.startswith(name):
                    return line.split()[1:]
    except OSError:
        pass
    return []


def signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def resident_bytes(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                total += int(statm.read().split()[1])
        except (OSError, IndexError):
            continue
    return total * resource.getpagesize()


def cpu_seconds(pids: list[int]) -> float:
    """Of these processes, and of their children that ended."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                ticks += sum(map(int, stat.read().rpartition(b") ")[2].split()[11:15]))
        except (OSError, ValueError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def ended_by(told: bytes) -> str:
    """What an end was, by what the sandbox program told of it (`tells_exit` of a launch)."""
    if b"out-of-memory" in told:
        return "oom"
    if b"exit-code" in told:
        return "exit"
    return "oom" if b"began" in told else "not_started"


class Supervisor:
    """One program from its start to the end of its last descendant."""

    def __init__(self, control: socket.socket, launch: dict[str, Any], children: Children) -> None:
        self.control = control
        self.launch = launch
        self.children = children
        self.main = 0
        self.status: int | None = None
        self.alive = True
        self.said = self.script = self.ready = -1
        self.waiting = 0

    def run(self, stdio: list[int]) -> None:
        refusal = self._start(stdio)
        for fd in stdio:
            os.close(fd)
        if refusal is not None:
            self._tell({"refused": refusal})
            return
        self._tell({"started": self.main, "supervisor": os.getpid()})
        reason = self._enter() if self.launch["warm"] else None
        reason = reason or self._watch()
        if reason not in ("exit", "lost"):
            self._ask_to_end()
        self._end_all()
        if reason == "exit" and self.launch["tells_exit"]:
            reason = ended_by(os.read(self.said, 65536))
        self._tell({"ended": {**self._exit(), "reason": reason}})

    def _start(self, stdio: list[int]) -> str | None:
        """Spawn, or fork and execute. The reason when the program could not be started."""
        self.said, told = os.pipe()
        given = [*stdio, told] if self.launch["tells_exit"] else stdio
        extra = self._waiting_room() if self.launch["warm"] else []
        if starter().spawnable(self.launch):
            refusal = self._spawn(given, extra)
        else:
            refusal = self._fork(given, extra)
        for fd in (*extra, told):
            os.close(fd)
        return refusal

    def _spawn(self, given: list[int], extra: list[int]) -> str | None:
        try:
            self.main = starter().spawn(self.launch, given, extra)
        except OSError as error:
            return f"{self.launch['argv'][0]}: {error.strerror}"
        return None

    def _fork(self, given: list[int], extra: list[int]) -> str | None:
        report, failed = os.pipe()
        self.main = os.fork()
        if self.main == 0:
            starter().become(self.launch, given, extra, failed)
        os.close(failed)
        with os.fdopen(report, "rb") as reader:
            text = reader.read()
        return text.decode(errors="replace") if text else None

    def _waiting_room(self) -> list[int]:
        """For a warm launch: where its shell reads what to do, and says that it is there."""
        script, self.script = os.pipe()
        self.ready, ready = os.pipe()
        os.write(self.script, self.launch["warm"].encode())
        return [script, ready]

    def _enter(self) -> str | None:
        """Wait with a sandbox that stands until it is told what to run; the reason when it is to end instead."""
        try:
            mounts = self._stand()
        except OSError as error:
            self._tell({"unfit": mounter().problem_of(error)})
            return "lost"
        try:
            problem = self._completed(mounts)
        finally:
            mounts.leave()
        entry = None if problem else read_launch(self.control)
        if entry is not None:
            return self._let_in(entry)
        self._tell({"unfit": problem or "its worker is gone"})
        return "lost"

    def _stand(self) -> Any:
        """When the shell inside waits: a visitor of its mounts, or a helper there. OSError says what went wrong."""
        if select.select([self.ready], [], [], STAND_SECONDS)[0] and os.read(self.ready, 1):
            os.close(self.ready)
            first = json.loads(os.read(self.said, 65536).partition(b"\n")[0])["child-pid"]
            waiting = children_of(first)
            if len(waiting) == 1:
                self.waiting = waiting[0]
                resource.prlimit(self.waiting, resource.RLIMIT_CORE, (0, 0))
                return (
                    mounter().Visitor(self.waiting)
                    if self.launch["visits"]
                    else mounter().Helper(self.waiting)
                )
        raise OSError(0, "no sandbox stands there")

    def _completed(self, mounts: Any) -> str | None:
        """Wait until it is told what a program is to see, and show that; what went wrong, if anything did."""
        rehearse()
        self._tell({"ready": True})
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.children.fd, select.POLLIN)
        while self.control.fileno() not in {fd for fd, _ in poll.poll()}:
            self._reap()
            if self.status is not None:
                return "it has ended"
        order, trees = read_order(self.control)
        if order is None:
            return "its worker is gone"
        problem = mounts.complete(order, trees)
        for fd in trees:
            os.close(fd)
        self._reap()
        return problem or (None if self.status is None else "it has ended")

    def _let_in(self, entry: dict[str, Any]) -> str | None:
        """Its limits, then its words to the shell that waits."""
        self.launch |= entry["launch"]
        try:
            for name, (soft, hard) in entry["rlimits"].items():
                resource.prlimit(self.waiting, getattr(resource, name), (soft, hard))
        except OSError as error:
            self._tell({"unfit": str(error.strerror)})
            return "lost"
        self._tell({"entered": True, "supervisor": os.getpid()})
        words = memoryview(os.fsencode(entry["script"]))
        try:
            while words:
                words = words[os.write(self.script, words) :]
        except OSError:
            pass
        finally:
            os.close(self.script)
        return None

    def _watch(self) -> str:
        """Wait until something ends the program; what did."""
        timeout = self.launch["timeout"]
        deadline = None if timeout is None else time.monotonic() + timeout
        watched = any(self.launch[f"watch_{what}"] is not None for what in ("memory", "processes", "cpu"))
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.children.fd, select.POLLIN)
        while True:
            wait = WATCH_SECONDS if watched else None
            if deadline is not None:
                left = max(deadline - time.monotonic(), 0)
                wait = left if wait is None else min(left, wait)
            ready = {fd for fd, _ in poll.poll(None if wait is None else wait * 1000 + 1)}
            self._reap()
            if self.status is not None:
                return "exit"
            if self.control.fileno() in ready and (reason := self._told()):
                return reason
            if deadline is not None and time.monotonic() >= deadline:
                return "timeout"
            excess = self._excess() if watched else None
            if excess:
                return excess

    def _told(self) -> str | None:
        """Follow what the worker says; the reason when that is to end the program."""
        try:
            text = self.control.recv(4096)
        except OSError:
            return "lost"
        if not text:
            return "lost"
        for message in map(json.loads, text.splitlines()):
            if "kill" in message:
                return str(message["kill"])
            if "ping" in message:
                self._tell({"pong": True})
            elif message["pause"]:
                self._freeze()
            else:
                self._thaw()
        return None

    def _excess(self) -> str | None:
        pids = self._programs()
        most = self.launch["watch_processes"]
        if most is not None and len(pids) > most:
            return "process_limit"
        memory, cpu = self.launch["watch_memory"], self.launch["watch_cpu"]
        if (
            cpu is not None
            and cpu_seconds([os.getpid(), *(pid for level in tree(os.getpid()) for pid in level)]) > cpu
        ):
            return "cpu_limit"
        return "oom" if memory is not None and resident_bytes(pids) > memory else None

    def _programs(self) -> list[int]:
        """Descendants without the sandbox's own processes."""
        return [pid for level in tree(os.getpid())[self.launch["own_levels"] :] for pid in level]

    def _ask_to_end(self) -> None:
        deadline = time.monotonic() + self.launch["grace"]
        if LINUX:
            self._thaw()
        if self.launch["asks"]:
            self._call(self.launch["asks"])
        else:
            signal_all(self._programs() if LINUX else [self.main], signal.SIGTERM)
        while self.status is None and (left := deadline - time.monotonic()) > 0:
            select.select([self.children.fd], [], [], left)
            self._reap()

    def _end_all(self) -> None:
        if not LINUX:
            self._end_group()
        elif self.launch["tidies_up"] and self.status is None:
            self._end_inside()
        elif self.launch["own_levels"] and self.status is None:
            signal_all([self.main], signal.SIGKILL)
        else:
            self._freeze()
        pause = 0.001
        self._reap()
        while self.alive:
            if LINUX:
                signal_all([pid for level in tree(os.getpid()) for pid in level], signal.SIGKILL)
            select.select([self.children.fd], [], [], pause)
            pause = min(pause * 2, 0.05)
            self._reap()

    def _call(self, argv: list[str]) -> None:
        """Start a program of the host's beside the other; it ends with everything else."""
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            os.posix_spawn(
                argv[0],
                argv,
                self.launch["env"],
                file_actions=[(os.POSIX_SPAWN_DUP2, nothing, fd) for fd in (0, 1, 2)],
            )
        except OSError:
            pass
        finally:
            os.close(nothing)

    def _end_inside(self) -> None:
        """End what runs inside at once, by its namespace's first process; the sandbox program gets time to tidy up."""
        deadline = time.monotonic() + self.launch["tidies_up"]
        while self.status is None and (left := deadline - time.monotonic()) > 0:
            signal_all([pid for level in tree(os.getpid()) for pid in level if is_first(pid)], signal.SIGKILL)
            select.select([self.children.fd], [], [], min(left, WATCH_SECONDS))
            self._reap()

    def _freeze(self) -> None:
        """Stop everything. Before the end too, so that a program which forks faster than it is killed runs into its limits."""
        stopped: set[int] = set()
        for _ in range(FREEZE_PASSES):
            running = [pid for pid in self._stoppable() if pid not in stopped]
            if not running:
                return
            signal_all(running, signal.SIGSTOP)
            stopped.update(running)

    def _thaw(self) -> None:
        signal_all(self._stoppable(), signal.SIGCONT)

    def _stoppable(self) -> list[int]:
        """All descendants; without those by which a kernel in user space runs programs: it traces them and stops with its own
        process, and a signal of ours would be one it does not expect."""
        pids = [pid for level in tree(os.getpid()) for pid in level]
        return [pid for pid in pids if not traced(pid)] if self.launch["asks"] else pids

    def _end_group(self) -> None:
        try:
            os.killpg(self.main, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _reap(self) -> None:
        ended, self.alive = self.children.reap()
        if self.main in ended:
            self.status = ended[self.main]

    def _exit(self) -> dict[str, int | None]:
        code = None if self.status is None else os.waitstatus_to_exitcode(self.status)
        if code is not None and code < 0:
            return {"code": None, "signal": -code}
        return {"code": code, "signal": None}

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self.control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return


def mounter() -> ModuleType:
    """A neighbour, which is no part of a package here. Looking it up is cheaper than asking for its import again."""
    return sys.modules.get("mounter") or importlib.import_module("mounter")


def starter() -> ModuleType:
    """Another one."""
    return sys.modules.get("starter") or importlib.import_module("starter")


def read_launch(control: socket.socket) -> dict[str, Any] | None:
    """The launch: its length in eight bytes, then JSON. None when the worker went away meanwhile."""
    header = read_exactly(control, 8)
    text = read_exactly(control, int.from_bytes(header, "big")) if header else None
    return json.loads(text) if text else None


def read_order(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The same, with the descriptors that came with it."""
    header, ancillary, _, _ = control.recvmsg(8, socket.CMSG_SPACE(4 * MOST_TREES), CLOSED_ON_EXEC)
    fds = descriptors(ancillary)
    header += read_exactly(control, 8 - len(header)) or b""
    text = read_exactly(control, int.from_bytes(header, "big")) if len(header) == 8 else None
    return json.loads(text) if text else None, fds


def rehearse() -> None:
    """Read something like what is to come, so that this is not done for the first time then."""
    ours, theirs = socket.socketpair()
    text = json.dumps({str(number): "x" * 20 for number in range(60)}).encode()
    socket.send_fds(ours, [len(text).to_bytes(8, "big"), text], [ours.fileno()] * 4)
    for fd in read_order(theirs)[1]:
        os.close(fd)
    ours.close()
    theirs.close()


def read_exactly(control: socket.socket, size: int) -> bytes | None:
    text = bytearray()
    while len(text) < size:
        part = control.recv(min(size - len(text), 65536))
        if not part:
            return None
        text += part
    return bytes(text)


def supervise(fds: list[int]) -> None:
    """In the fork that is one program's supervisor: wait until there is one, or the worker is gone."""
    starter().prctl(PR_SET_CHILD_SUBREAPER, 1)
    children = Children()
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fds[0])
    stdin = receive(control)
    launch = read_launch(control) if stdin else None
    if stdin and launch is not None:
        Supervisor(control, launch, children).run([*stdin, *fds[1:]])


def receive(requests: socket.socket) -> list[int] | None:
    """The descriptors that come with a byte; None when the worker is gone."""
    data, ancillary, _, _ = requests.recvmsg(1, socket.CMSG_SPACE(16), CLOSED_ON_EXEC)
    fds = descriptors(ancillary)
    return fds if data else None


def descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    if not CLOSED_ON_EXEC:
        for fd in fds:
            os.set_inheritable(fd, False)
    return list(fds)


def fork_supervisor(requests: socket.socket, children: Children, fds: list[int]) -> int:
    pid = os.fork()
    if pid:
        for fd in fds:
            os.close(fd)
        return pid
    requests.close()
    os.close(children.fd)
    try:
        supervise(fds)
    finally:
        os._exit(0)


def end_strays(supervisors: set[int]) -> None:
    """What became a child of this process because its supervisor, or another stray, has ended."""
    strays = [pid for pid in children_of(os.getpid()) if pid not in supervisors]
    signal_all(strays + [pid for stray in strays for level in tree(stray) for pid in level], signal.SIGKILL)


def keep(requests: socket.socket) -> None:
    """Fork a supervisor for every request until the worker is gone; end whatever a dead supervisor left."""
    starter().prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, _noted)
    children = Children()
    supervisors: set[int] = set()
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    poll.register(children.fd, select.POLLIN)
    open_for_requests = True
    while open_for_requests or supervisors:
        ready = {fd for fd, _ in poll.poll()}
        if children.fd in ready:
            supervisors -= set(children.reap()[0])
            end_strays(supervisors)
        if requests.fileno() not in ready or not open_for_requests:
            continue
        fds = receive(requests)
        if fds is None:
            open_for_requests = False
            poll.unregister(requests)
        else:
            supervisors.add(fork_supervisor(requests, children, fds))


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent))
    mounter()
    starter()
    gc.disable()
    os.setsid()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    keep(socket.socket(fileno=int(sys.argv[1])))
