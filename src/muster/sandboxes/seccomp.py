"""A system call filter as a classic BPF program: what no compiler, browser, package manager or agent needs is refused.

A list of refusals, not of permissions: it takes away kernel surface behind which break-outs have been found, and
leaves isolation itself to the namespaces. A program of another architecture (32-bit on 64-bit) is refused every call.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LOAD_WORD: Final = 0x20
JUMP_EQUAL: Final = 0x15
JUMP_ABOVE: Final = 0x35
JUMP_ANY_BIT: Final = 0x45
RETURN: Final = 0x06
ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000
NUMBER: Final = 0
ARCHITECTURE: Final = 4
ARGUMENT_0: Final = 16
ARGUMENT_1: Final = 24
X32: Final = 0x40000000
NEW_NAMESPACES: Final = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
TERMINAL_INPUT: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: put characters into the terminal that the sandbox was started from."""

RECENT: Final[Mapping[str, int]] = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
}
"""Numbers are the same everywhere since Linux 5.1."""
CLONE3: Final = 435


@dataclass(frozen=True, slots=True)
class Table:
    """System call numbers of one architecture, and its identity (AUDIT_ARCH)."""

    identity: int
    clone: int
    ioctl: int
    refused: Mapping[str, int]


TABLES: Final[Mapping[str, Table]] = {
    "x86_64": Table(
        0xC000003E,
        56,
        16,
        {
            "ptrace": 101,
            "syslog": 103,
            "vhangup": 153,
            "pivot_root": 155,
            "acct": 163,
            "settimeofday": 164,
            "mount": 165,
            "umount2": 166,
            "swapon": 167,
            "swapoff": 168,
            "reboot": 169,
            "sethostname": 170,
            "setdomainname": 171,
            "iopl": 172,
            "ioperm": 173,
            "init_module": 175,
            "delete_module": 176,
            "quotactl": 179,
            "lookup_dcookie": 212,
            "clock_settime": 227,
            "kexec_load": 246,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "perf_event_open": 298,
            "open_by_handle_at": 304,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "kcmp": 312,
            "finit_module": 313,
            "kexec_file_load": 320,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": Table(
        0xC00000B7,
        220,
        29,
        {
            "lookup_dcookie": 18,
            "umount2": 39,
            "mount": 40,
            "pivot_root": 41,
            "vhangup": 58,
            "quotactl": 60,
            "acct": 89,
            "unshare": 97,
            "kexec_load": 104,
            "init_module": 105,
            "delete_module": 106,
            "clock_settime": 112,
            "syslog": 116,
            "ptrace": 117,
            "reboot": 142,
            "sethostname": 161,
            "setdomainname": 162,
            "settimeofday": 170,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "swapon": 224,
            "swapoff": 225,
            "perf_event_open": 241,
            "open_by_handle_at": 265,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "kcmp": 272,
            "finit_module": 273,
            "bpf": 280,
            "userfaultfd": 282,
            "kexec_file_load": 294,
        },
    ),
}


def filter_program(machine: str | None = None) -> bytes | None:
    """The filter for this machine, as the kernel reads it. None for an architecture without a table."""
    table = TABLES.get(machine or platform.machine())
    if table is None:
        return None
    program = [_step(LOAD_WORD, ARCHITECTURE), _step(JUMP_EQUAL, table.identity, 1, 0), _refuse(errno.ENOSYS)]
    program.append(_step(LOAD_WORD, NUMBER))
    if table.identity == TABLES["x86_64"].identity:
        program += [_step(JUMP_ABOVE, X32, 0, 1), _refuse(errno.ENOSYS)]
    for number in sorted({*table.refused.values(), *RECENT.values()}):
        program += [_step(JUMP_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    program += [_step(JUMP_EQUAL, CLONE3, 0, 1), _refuse(errno.ENOSYS)]
    program += [_step(JUMP_EQUAL, table.clone, 0, 4), _step(LOAD_WORD, ARGUMENT_0)]
    program += [_step(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1), _refuse(errno.EPERM), _step(RETURN, ALLOW)]
    program += [_step(JUMP_EQUAL, table.ioctl, 0, 5), _step(LOAD_WORD, ARGUMENT_1)]
    for request in TERMINAL_INPUT:
        program += [_step(JUMP_EQUAL, request, 0, 1), _refuse(errno.EPERM)]
    return b"".join([*program, _step(RETURN, ALLOW)])


def filter_profile(machine: str | None = None) -> Mapping[str, object] | None:
    """The same filter as container programs take it, as a value for JSON. None for an architecture without a table."""
    machine = machine or platform.machine()
    table = TABLES.get(machine)
    if table is None:
        return None
    bits = [1 << bit for bit in range(32) if NEW_NAMESPACES >> bit & 1]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [f"SCMP_ARCH_{machine.upper()}"],
        "syscalls": [
            _refusal(sorted({*table.refused, *RECENT}), errno.EPERM),
            _refusal(["clone3"], errno.ENOSYS),
            *(_refusal(["clone"], errno.EPERM, _argument(0, bit, bit)) for bit in bits),
            *(
                _refusal(["ioctl"], errno.EPERM, _argument(1, 0xFFFFFFFF, request))
                for request in TERMINAL_INPUT
            ),
        ],
    }


def _refusal(names: Sequence[str], number: int, *arguments: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "names": list(names),
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": number,
        "args": list(arguments),
    }


def _argument(index: int, mask: int, value: int) -> Mapping[str, object]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(number: int) -> bytes:
    return _step(RETURN, REFUSE | number)
