"""Which hosts a program in a sandbox may reach."""

from __future__ import annotations

import ipaddress

import pytest

from muster.domain.agent_task import read_agent_task
from muster.domain.egress import HostRule, parse_rule, plain_host, rule_for
from muster.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("rule", "host", "port", "fits"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "EXAMPLE.com.", 80, True),
        ("example.com", "example.com", 22, False),
        ("example.com", "www.example.com", 443, False),
        ("example.com", "badexample.com", 443, False),
        ("*.example.com", "www.example.com", 443, True),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "badexample.com", 443, False),
        ("example.com:8443", "example.com", 8443, True),
        ("example.com:8443", "example.com", 443, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("10.1.2.3:5432", "10.1.2.3", 5432, True),
        ("[fd00::1]:80", "[fd00:0:0::1]", 80, True),
        ("fd00::1", "fd00::1", 443, True),
        ("example.com", "exa mple.com", 443, False),
    ],
)
def test_a_rule_fits_the_host_it_names_and_no_other(rule: str, host: str, port: int, fits: bool) -> None:
    """SW-6a"""
    assert (rule_for([parse_rule(rule)], host, port) is not None) is fits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.",
        "*.10.1.2.3",
        "https://example.com",
        "example.com/",
        "a b",
        "example.com:",
        "example.com:0",
        "example.com:99999",
        "example.com:http",
        "[::1",
        "x" * 300,
        "1.2.3",
        "a..b",
        "[fd00::1]80x",
    ],
)
def test_what_is_no_host_is_refused_with_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="allow_hosts"):
        parse_rule(text)


@pytest.mark.parametrize(
    ("rule", "address", "may"),
    [
        ("example.com", "93.184.216.34", True),
        ("example.com", "10.0.0.7", True),
        ("*.example.com", "10.0.0.7", False),
        ("*.example.com", "93.184.216.34", True),
        ("example.com", "127.0.0.1", False),
        ("example.com", "169.254.169.254", False),
        ("example.com", "0.0.0.0", False),
        ("example.com", "::1", False),
        ("127.0.0.1:80", "127.0.0.1", True),
        ("127.0.0.1:80", "127.0.0.2", False),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1", True),
    ],
)
def test_a_name_leads_to_this_host_only_where_its_address_is_named(
    rule: str, address: str, may: bool
) -> None:
    """SW-6a: no allowed name opens the host's loopback or the cloud's metadata."""
    assert parse_rule(rule).reaches(ipaddress.ip_address(address)) is may


def test_hosts_are_written_in_one_way() -> None:
    assert plain_host("Example.COM.") == "example.com"
    assert plain_host("a" * 64 + ".com") is None
    assert parse_rule("example.com") == HostRule(host="example.com")


def test_a_tasks_hosts_are_checked_when_it_is_submitted() -> None:
    task = read_agent_task("prompt", {"agent": "scripted", "prompt": "x", "allow_hosts": ["pypi.org"]})
    assert task.labels == ("agent:scripted", "network:allow-list")
    with pytest.raises(InvalidInput, match="no host"):
        read_agent_task("prompt", {"agent": "scripted", "prompt": "x", "allow_hosts": ["http://pypi.org"]})
