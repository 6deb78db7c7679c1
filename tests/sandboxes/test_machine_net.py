"""The network of virtual machines: taps and rules in a network namespace of the test's own (SW-4f, SW-4h, SW-6a)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

INSIDE = Path(__file__).with_name("machine_net_inside.py")
OWN = ("unshare", "--user", "--map-root-user", "--net")


def _missing() -> str | None:
    if not sys.platform.startswith("linux"):
        return "taps are Linux's"
    if shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        return "nft is not installed"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    tried = subprocess.run([*OWN, "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "network namespaces cannot be made here"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each step of `machine_net_inside.py`, which is root in a network of its own."""
    missing = _missing()
    if missing is not None:
        pytest.skip(missing)
    words = [*OWN, sys.executable, str(INSIDE), str(tmp_path_factory.mktemp("ways") / "networks")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_host_that_cannot_pass_packets_on_says_why(said: dict[str, Any]) -> None:
    assert "net.ipv4.ip_forward=1" in said["without forwarding"]
    assert "10.213.0.0/16" in said["with its addresses elsewhere"]
    assert "nft is not installed" in said["without nft"]


def test_each_machine_has_addresses_and_a_tap_of_its_own(said: dict[str, Any]) -> None:
    one, other = said["ways"]
    assert one["document"]["address"] != other["document"]["address"]
    assert one["tap"] != other["tap"]
    assert set(said["devices"]) == {one["tap"], other["tap"]}


def test_a_machine_reaches_others_by_the_hosts_address(said: dict[str, Any]) -> None:
    assert said["beyond"] == [{"from": "192.0.2.1", "to": "192.0.2.9", "says": "hello"}]
    assert said["answer"] == "back"


@pytest.mark.parametrize(
    "whom", ["host by its gateway", "host by its own address", "another machine", "metadata", "spoofed"]
)
def test_a_machine_reaches_neither_this_host_nor_another_machine(said: dict[str, Any], whom: str) -> None:
    assert said["not reached"][whom] == []


def test_nobody_begins_to_talk_to_a_machine(said: dict[str, Any]) -> None:
    assert said["unasked"] == []


def test_ways_go_with_their_machines_and_the_rules_with_the_last(said: dict[str, Any]) -> None:
    """A worker that was killed leaves them: they are found by the attempt's name."""
    assert said["one gone"] == {"devices": [said["ways"][1]["tap"]], "tables": "table inet muster_machines"}
    assert said["all gone"] == {"devices": [], "tables": ""}
    assert said["forgotten again"] == {"devices": [], "tables": ""}


def test_addresses_of_before_a_new_start_are_free_again(said: dict[str, Any]) -> None:
    assert said["taken after a new start"] == said["ways"][0]["document"]["address"]
