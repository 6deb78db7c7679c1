"""Runs inside the emulated host, as root: muster's own driver on a real Firecracker. Says what came of it in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, "/here/src")

from muster.sandboxes import microvm, microvm_sandbox
from muster.sandboxes.firecracker import FirecrackerDriver
from muster.sandboxes.microvm import MachineFailed
from muster.sandboxes.sandbox import MB, Limits, Sandbox, SandboxSpec
from muster.sandboxes.stdin import Stdin

TRIAL_SECONDS = 100.0
for module, name in (
    (microvm, "SOCKET_SECONDS"),
    (microvm, "CALL_SECONDS"),
    (microvm_sandbox, "ADOPT_SECONDS"),
):
    setattr(
        module, name, TRIAL_SECONDS
    )  # emulated twice over, beside other tests, is slower than any hardware
FLEET = 10
BOX = Path("/tmp/box")
DOOR = """
import socket
talk = socket.socket(socket.AF_UNIX)
talk.connect(%r)
talk.sendall(b"knock")
talk.shutdown(socket.SHUT_WR)
print(talk.makefile().read())
near = socket.create_server(("127.0.0.1", 3128))
with socket.create_connection(("127.0.0.1", 3128)) as far:
    far.sendall(b"loop")
    print(near.accept()[0].recv(4).decode())
"""

REACH = """
import socket
def reach(host, port):
    try:
        with socket.create_connection((host, port), 2) as talk:
            talk.sendall(b"hello")
            return talk.recv(5).decode()
    except OSError as error:
        return type(error).__name__
for place in %r:
    print(*place, reach(*place))
print(open("/etc/resolv.conf").read())
"""
SERVE = """
import socket
way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
way.connect(("10.0.2.100", 7))
near = socket.create_server(("", 9999))
print(way.getsockname()[0], flush=True)
while True:
    near.accept()[0].sendall(b"other")
"""


def say(step: str, **what: object) -> None:
    print(
        "@@ " + json.dumps({"step": step, "at": round(time.monotonic(), 1)} | what, default=str), flush=True
    )


def machines() -> int:
    """Firecracker processes that live."""
    found = 0
    for entry in Path("/proc").iterdir():
        try:
            found += entry.name.isdigit() and (entry / "comm").read_text().startswith("firecracker")
        except OSError:
            continue
    return found


def taps() -> list[str]:
    """Devices of machines."""
    return [name for _, name in socket.if_nameindex() if name.startswith("mt-")]


def tables() -> str:
    """Of nftables."""
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


async def silent(ticks: asyncio.Queue[int]) -> bool:
    """Whether nothing comes for two seconds, once what was under way has come."""
    for _ in range(100):
        try:
            await asyncio.wait_for(ticks.get(), 2)
        except TimeoutError:
            return True
    return False


class Scenes:
    def __init__(self) -> None:
        self.driver = FirecrackerDriver(Path("/here/images"), trial_seconds=TRIAL_SECONDS)
        self.plain = FirecrackerDriver(Path("/here/images"), trial_seconds=TRIAL_SECONDS, jailer="")
        self.out = bytearray()
        self.heard: Callable[[bytes], None] = lambda _: None

    def hear(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self.out.extend(data if stream == "stdout" else b"<" + data + b">")
        self.heard(data)

    async def open(self, name: str, driver: FirecrackerDriver | None = None, **more: Any) -> Sandbox:
        work, scratch = BOX / name / "work", BOX / name / "scratch"
        for folder in (work, scratch):
            folder.mkdir(parents=True, exist_ok=True)
        limits = Limits(memory_bytes=128 * MB, disk_bytes=100 * MB, file_bytes=None, processes=50)
        spec = SandboxSpec(name=name, working_dir=work, scratch=scratch, limits=limits, **more)
        try:
            return await (driver or self.driver).open(spec)
        except MachineFailed as error:
            # QEMU's emulation of AMD-V stops a guest of a guest now and then; on virtualisation hardware none does.
            say("opened again", name=name, problem=error.message)
            return await (driver or self.driver).open(spec)

    async def run(self, sandbox: Sandbox, script: str, **more: Any) -> dict[str, Any]:
        self.out.clear()
        status = await sandbox.exec(["sh", "-c", script], env={"GIVEN": "yes"}, on_output=self.hear, **more)
        said = self.out.decode(errors="replace")
        return {"code": status.code, "signal": status.signal, "reason": status.reason.value, "out": said}

    async def probe(self) -> None:
        found = await self.driver.probe()
        say("probe", available=found.available, reason=found.reason)
        again = FirecrackerDriver(Path("/here/images"), trial_seconds=TRIAL_SECONDS)
        began = time.monotonic()
        found = await again.probe()
        say("probe again", available=found.available, took=time.monotonic() - began)
        await again.close()

    async def folders(self, sandbox: Sandbox) -> None:
        work = BOX / "one" / "work"
        (work / "gone").write_text("old")
        (work / "kept").write_text("kept")
        script = "pwd; id -u; cat kept; echo $GIVEN; rm gone; mkdir d; echo new > d/made; ln -s kept link; echo oops >&2; exit 3"
        came = await self.run(sandbox, script)
        files = sorted(str(path.relative_to(work)) for path in work.rglob("*"))
        made = {path.name: path.read_text() for path in work.rglob("*") if path.is_file()}
        say("folders", **came, files=files, made=made)
        (work / "later").write_text("later")
        say(
            "second", **await self.run(sandbox, "cat later; ls /tmp | wc -l; touch /usr/no /etc/no; ls /here")
        )

    async def streams(self, sandbox: Sandbox) -> None:
        stdin = Stdin()
        answers = [b"one\n", b"two\n"]

        def answer(_: bytes) -> None:
            stdin.write(answers.pop(0)) if answers else stdin.close()

        self.heard = answer
        came = await self.run(
            sandbox, "echo ready; read a; echo got $a; read b; echo got $b; cat", stdin=stdin
        )
        self.heard = lambda _: None
        say("streams", **came)

    async def door(self, sandbox: Sandbox) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"heard " + await reader.read())
            writer.close()

        path = str(BOX / "one" / "scratch" / "door.sock")
        server = await asyncio.start_unix_server(serve, path)
        self.out.clear()
        argv = ["python3", "-IS", "-c", DOOR % path]
        status = await sandbox.exec(argv, env={}, on_output=self.hear)
        server.close()
        say("door", out=self.out.decode(), code=status.code)

    async def network(self, sandbox: Sandbox) -> None:
        say("network", **await self.run(sandbox, "grep : /proc/net/dev; nc -w 2 10.0.2.2 22"))

    async def open_network(self) -> None:
        """Two machines with a network: each reaches what is beyond this host, and neither this host nor the other."""
        server = await asyncio.start_server(lambda _, writer: writer.write(b"host!"), "0.0.0.0", 9999)
        one = await self.open("reaching", network=True)
        other = await self.open("serving", network=True)
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        said = bytearray()

        def heard(_: str, data: bytes) -> None:
            said.extend(data)
            if not address.done() and b"\n" in said:
                address.set_result(said.split()[0].decode())

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(other.exec(["python3", "-IS", "-c", SERVE], env={}, on_output=heard))
            found = await address
            gateway = found.rpartition(".")[0] + f".{int(found.rpartition('.')[2]) - 1}"
            places = [("10.0.2.100", 7), (gateway, 9999), ("10.0.2.15", 9999), (found, 9999)]
            self.out.clear()
            argv = ["python3", "-IS", "-c", REACH % places]
            status = await one.exec(argv, env={}, on_output=self.hear)
            other.kill()
        server.close()
        say(
            "open network",
            out=self.out.decode(),
            code=status.code,
            other=said.decode(),
            ended=serving.result().reason.value,
            taps=len(taps()),
        )
        await asyncio.gather(one.close(), other.close())
        say("open network closed", taps=taps(), tables=tables())

    async def places(self) -> None:
        given, home = BOX / "given", BOX / "home"
        (given / "secret").mkdir(parents=True)
        home.mkdir()
        (given / "file").write_text("readable ")
        (given / "secret" / "key").write_text("key")
        (home / "settings").write_text("of-home ")
        more = {
            "readable": [given],
            "hidden": [given / "secret"],
            "home": home,
            "former": Path("/srv/earlier"),
        }
        sandbox = await self.open("places", **more)
        script = f"cat {given}/file $HOME/settings; ls {given}/secret | wc -l; echo x > {given}/new; "
        script += "echo note > $HOME/note; echo made > /srv/earlier/here; ls"
        came = await self.run(sandbox, script)
        kept = {path.name: path.read_text() for path in home.iterdir()}
        await sandbox.close()
        say("places", **came, home=kept, given=sorted(path.name for path in given.iterdir()))

    async def pause(self, sandbox: Sandbox) -> None:
        """It stands still while it is paused, goes on after, and is killed."""
        ticks: asyncio.Queue[int] = asyncio.Queue()
        self.heard = lambda data: ticks.put_nowait(len(data))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.run(sandbox, "while :; do echo tick; sleep 0.1; done"))
            await ticks.get()
            stats = await sandbox.stats()
            sandbox.pause()
            still = await silent(ticks)
            paused = await sandbox.stats()
            health = await sandbox.health()
            sandbox.resume()
            await ticks.get()
            sandbox.kill()
        self.heard = lambda _: None
        came = running.result() | {"out": ""}
        say(
            "pause",
            **came,
            still=still,
            health=health,
            paused=paused.paused,
            processes=stats.processes,
            memory=stats.memory_bytes,
        )

    async def limits(self, sandbox: Sandbox) -> None:
        script = "trap 'echo asked > asked; exit 9' TERM; sleep 600 & wait"
        came = await self.run(sandbox, script, timeout=3.0)
        say("timeout", **came, asked=(BOX / "one" / "work" / "asked").exists())
        say("memory", **await self.run(sandbox, "tail /dev/zero"))
        say("after", **await self.run(sandbox, "echo alive; ps | grep -c '[t]ail'"))

    async def fleet(self) -> None:
        began = time.monotonic()
        sandboxes = await asyncio.gather(*(self.open(f"fleet{number}") for number in range(FLEET)))
        opened = time.monotonic() - began
        script = "hostname; cat /etc/machine-id; cat /proc/sys/kernel/random/uuid; date +%s"
        outs = [bytearray() for _ in sandboxes]

        async def one(number: int) -> int | None:
            status = await sandboxes[number].exec(
                ["sh", "-c", script], env={}, on_output=lambda _, data: outs[number].extend(data)
            )
            return status.code

        codes = await asyncio.gather(*(one(number) for number in range(FLEET)))
        say(
            "fleet",
            opened=opened,
            took=time.monotonic() - began,
            machines=machines(),
            codes=codes,
            now=time.time(),
            lines=[out.decode().split() for out in outs],
        )
        await asyncio.gather(*(sandbox.close() for sandbox in sandboxes))
        left = [str(path) for path in BOX.glob("fleet*/scratch/**/*")]
        left += [str(path) for path in Path("/here/images/machines").iterdir()]
        say("fleet closed", machines=machines(), left=left)

    async def lost(self) -> None:
        sandbox = await self.open("lost", self.plain)
        user = Path(f"/proc/{self.pid_of_machine()}").stat().st_uid
        self.heard = lambda _: os.kill(self.pid_of_machine(), signal.SIGKILL)
        came = await self.run(sandbox, "echo here; sleep 600")
        self.heard = lambda _: None
        await sandbox.close()
        await sandbox.close()
        say("lost", **came, machines=machines(), user=user)

    def pid_of_machine(self) -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (entry / "comm").read_text().startswith("firecracker"):
                return int(entry.name)
        raise ProcessLookupError

    async def orphan(self) -> None:
        """The worker is killed while a program runs: the script that started it counts what is left."""
        sandbox = await self.open("orphan", network=True)

        def die(_: bytes) -> None:
            say("dying", machines=machines(), taps=len(taps()))
            os.kill(os.getpid(), signal.SIGKILL)

        self.heard = die
        await self.run(sandbox, "echo here; sleep 600")


async def main() -> None:
    scenes = Scenes()
    await scenes.probe()
    sandbox = await scenes.open("one")
    pid = scenes.pid_of_machine()
    about = Path(f"/proc/{pid}").stat()
    seen = sorted(path.name for path in Path(f"/proc/{pid}/root").iterdir())
    memory = next(Path("/here/images/current/snapshots").glob("*/memory")).stat()
    room = {"size": memory.st_size, "allocated": memory.st_blocks * 512}
    say("open", memory=room, health=await sandbox.health(), user=about.st_uid, seen=seen)
    steps: list[Callable[[Sandbox], Awaitable[None]]] = [
        scenes.folders,
        scenes.streams,
        scenes.door,
        scenes.network,
        scenes.limits,
        scenes.pause,
    ]
    for step in steps:
        await attempt(step(sandbox))
    stats = await sandbox.stats()
    await sandbox.close()
    say(
        "closed",
        machines=machines(),
        left=[str(path) for path in (BOX / "one/scratch").iterdir()],
        stats=stats,
    )
    for last in (scenes.places, scenes.open_network, scenes.fleet, scenes.lost, scenes.orphan):
        await attempt(last())


async def after() -> None:
    """What the next worker does for what the killed one has left."""
    driver = FirecrackerDriver(Path("/here/images"), trial_seconds=TRIAL_SECONDS)
    await driver.forget("orphan")
    await driver.close()
    say("after the worker", taps=taps(), tables=tables())


async def attempt(step: Awaitable[None]) -> None:
    try:
        await step
    except Exception:  # noqa: BLE001 - told outside
        say("failed", words=traceback.format_exc())


asyncio.run(attempt(after() if sys.argv[1:] else main()))
