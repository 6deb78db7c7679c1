"""Attempts to break out of the bubblewrap sandbox."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from muster.sandboxes.sandbox import SandboxSpec, WorkdirMissing
from tests.sandboxes.bench import Bench


async def test_other_folders_cannot_be_read(isolated: Bench, tmp_path: Path) -> None:
    """SW-4f"""
    secret = tmp_path / "secret"
    secret.write_text("key")
    status = await isolated.run(f"cat {secret} /etc/shadow {Path.home()}/.bashrc; ls {tmp_path}")
    assert "key" not in isolated.said
    assert isolated.said == "scratch\nwork\n"
    assert status.ok


async def test_the_system_cannot_be_written(isolated: Bench) -> None:
    """SW-4f"""
    targets = "/etc/x /usr/x /x /bin/x /home/x /var/x /run/x"
    await isolated.run(f"for f in {targets}; do touch $f && echo wrote $f; done 2>/dev/null")
    assert isolated.said == ""


async def test_a_link_does_not_lead_out_of_the_working_directory(isolated: Bench, tmp_path: Path) -> None:
    """SW-4f"""
    outside = tmp_path / "outside"
    outside.mkdir()
    (isolated.work / "link").symlink_to(outside)
    await isolated.run("echo x > link/f")
    assert list(outside.iterdir()) == []


async def test_only_own_processes_are_seen(isolated: Bench) -> None:
    """SW-4f"""
    await isolated.run("ls -d /proc/[0-9]* | wc -l; kill -0 " + str(os.getpid()) + " && echo reached")
    assert int(isolated.said.split()[0]) < 8
    assert "reached" not in isolated.said


async def test_the_command_line_inside_does_not_show_the_environment(isolated: Bench) -> None:
    """SW-4f"""
    await isolated.run("cat /proc/1/cmdline; cat /proc/1/environ >/dev/null", env={"KEY": "sesame"})
    assert "sesame" not in isolated.said


CONNECT = 'python3 -c \'import socket; socket.create_connection(("127.0.0.1", {port}), 2); print("reached")\''


@pytest.mark.parametrize("network", [False, True])
async def test_loopback_of_the_host_is_reached_only_when_the_network_is_allowed(
    isolated: Bench, network: bool
) -> None:
    """SW-6a"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        await isolated.run(CONNECT.format(port=port), network=network)
    assert (isolated.said == "reached\n") is network


async def test_an_abstract_socket_of_the_host_is_out_of_reach(isolated: Bench) -> None:
    """SW-6a"""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0muster-test-" + isolated.work.parent.name)
        server.listen()
        name = server.getsockname()
        await isolated.run(
            f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect({name.decode()!r}); print(1)'".replace(
                "\x00", "\\0"
            )
        )
    assert isolated.said == ""


async def test_sandboxes_do_not_see_each_other(isolated: Bench) -> None:
    """SW-6a"""
    first, second = await asyncio.gather(isolated.open(), isolated.open())
    await asyncio.gather(
        isolated.run("echo one > /tmp/shared; ls /tmp", sandbox=first),
        isolated.run("echo two > ~/shared; cat /tmp/shared", sandbox=second),
    )
    assert "one" not in isolated.said


async def test_privileges_are_gone_and_do_not_come_back(isolated: Bench) -> None:
    """SW-4f"""
    await isolated.run(
        "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; unshare -U true && echo nested"
    )
    fields = dict(line.split(":\t") for line in isolated.said.splitlines())
    assert fields == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}


async def test_mounts_cannot_be_changed(isolated: Bench) -> None:
    """SW-4f"""
    await isolated.run(
        "mount -o remount,rw / && echo a; mount -t tmpfs x /usr && echo b; umount /etc/hosts && echo c"
    )
    assert isolated.said == ""


async def test_a_hidden_folder_below_the_working_directory_is_masked(isolated: Bench) -> None:
    """SW-4f: the data folder may lie in the project"""
    hidden = isolated.work / ".muster"
    hidden.mkdir()
    (hidden / "database").write_text("state")
    await isolated.run("ls -A .muster; touch .muster/x 2>/dev/null", hidden=[hidden])
    assert isolated.said == ""
    assert [path.name for path in hidden.iterdir()] == ["database"]


async def test_a_readable_folder_can_be_read_and_not_written(isolated: Bench, tmp_path: Path) -> None:
    """SQ-7"""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "hello").write_text("echo hello")
    await isolated.run(
        f"bash {scripts}/hello; touch {scripts}/x 2>/dev/null && echo wrote", readable=[scripts]
    )
    assert isolated.said == "hello\n"


@pytest.mark.parametrize("path", ["/", "/usr", "/etc", "/proc/self", "/home"])
async def test_the_system_is_no_working_directory(isolated: Bench, path: str) -> None:
    """OD-4"""
    spec = SandboxSpec(name="test-system", working_dir=Path(path), scratch=isolated.scratch)
    with pytest.raises(WorkdirMissing, match=path):
        await isolated.driver.open(spec)


async def test_the_user_inside_is_an_ordinary_one(isolated: Bench) -> None:
    """SW-4f"""
    await isolated.run("id -un; id -u; hostname")
    assert isolated.said.split() == ["muster", "1000", "sandbox"]
