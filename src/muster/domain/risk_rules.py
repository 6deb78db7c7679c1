"""What programs do, in tables: the words that risk is told in, and which program stands for which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Risk(StrEnum):
    """How much may go wrong, and so with which gesture leave is given."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a request does. `target`: what it does it to, where it can be named. `known`: it was recognised."""

    level: Risk
    reason: str
    target: str = ""
    known: bool = True


READS: Final = Finding(Risk.LOW, "reads")
LOCAL: Final = Finding(Risk.LOW, "changes files in the working copy")
INSTALLS: Final = Finding(Risk.MEDIUM, "installs packages")
RUNS_CODE: Final = Finding(Risk.MEDIUM, "runs the project's own code")
DATABASE: Final = Finding(Risk.MEDIUM, "talks to a database")
MIGRATES: Final = Finding(Risk.HIGH, "changes a database")
PUBLISHES: Final = Finding(Risk.HIGH, "publishes to others")
SYSTEM: Final = Finding(Risk.HIGH, "changes the system")
ALL_RIGHTS: Final = Finding(Risk.HIGH, "runs with all rights")
DESTROYS: Final = Finding(Risk.HIGH, "destroys data")
ENDS: Final = Finding(Risk.MEDIUM, "ends processes")
REMOTE: Final = Finding(Risk.MEDIUM, "acts on other systems")
REMOTE_CHANGE: Final = Finding(Risk.HIGH, "changes other systems")
CONTAINERS: Final = Finding(Risk.MEDIUM, "starts containers")
RIGHTS: Final = Finding(Risk.MEDIUM, "changes who may use files")
SCRIPT: Final = Finding(Risk.MEDIUM, "runs a script")
TOO_LONG: Final = Finding(Risk.HIGH, "is too long to be read whole")
TOO_DEEP: Final = Finding(Risk.HIGH, "is nested too deeply to be read")
UNREADABLE: Final = Finding(Risk.MEDIUM, "cannot be read as a command line")


def names(text: str) -> frozenset[str]:
    """A set of the words of a text."""
    return frozenset(text.split())


def _each(finding: Finding, names: str) -> dict[str, Finding]:
    return dict.fromkeys(names.split(), finding)


SIMPLE: Final[Mapping[str, Finding]] = {
    **_each(
        READS,
        "ls pwd echo printf true false test [ whoami id uname date uptime hostname nproc df du free ps which type "
        "basename dirname realpath readlink seq sleep wait clear tty locale getconf lscpu arch groups exit return",
    ),
    **_each(
        SYSTEM,
        "mkfs fdisk parted mount umount systemctl service shutdown reboot halt poweroff crontab at iptables nft",
    ),
    **_each(
        SYSTEM,
        "useradd usermod userdel groupadd passwd visudo sysctl modprobe insmod ip ifconfig setcap swapoff",
    ),
    **_each(DESTROYS, "shred wipefs blkdiscard srm"),
    **_each(ENDS, "kill pkill killall"),
    **_each(
        RUNS_CODE,
        "pytest tox nox make cmake ninja just task rake gradle gradlew mvn bazel jest vitest mocha tsc",
    ),
    **_each(
        RUNS_CODE, "ruff mypy pyright black eslint prettier rustc gcc g++ cc clang java javac vite webpack"
    ),
    **_each(MIGRATES, "flyway liquibase dbmate goose sqitch"),
    **_each(REMOTE, "vagrant rclone mosh telnet"),
}
READERS: Final = names(
    "cat head tail less more grep egrep fgrep rg ag wc sort uniq diff cmp stat file cut tr nl od xxd hexdump strings jq yq "
    "md5sum sha1sum sha256sum cksum comm paste column fold tac rev awk gawk sed bat fd tree"
)
_SCRIPT_CALLS: Final = r"system\s*\(|getline|\||>|(^|[;}\d/])\s*[we]\b|/[gip0-9]*[ew]\b|^-f|^--file"
MORE_THAN_READING: Final[Mapping[str, str]] = {
    "awk": _SCRIPT_CALLS,
    "gawk": _SCRIPT_CALLS,
    "sed": _SCRIPT_CALLS,
    "sort": r"^-[a-zA-Z]*o|^--(output|compress)",
    "tree": r"^-o",
    "yq": r"^-[a-zA-Z]*i|^--inplace",
    "fd": r"^-[a-zA-Z]*[xX]|^--exec",
    "rg": r"^--pre|^--hostname-bin",
    "bat": r"^--pager",
    "less": r"^\+",
    "file": r"^-C|^--compile",
}
"""Programs that read, and those of their words by which they do more."""
WRITERS: Final = names(
    "mkdir touch tee cp mv ln install rmdir truncate patch unzip tar rsync chmod chown chgrp"
)
WRAPPERS: Final = names(
    "env nohup time nice ionice timeout stdbuf setsid command builtin exec xargs watch unbuffer busybox flock chronic parallel "
    "script strace"
)
RUNNERS: Final = frozenset({"uv", "poetry", "pdm"})
RIGHTS_TAKERS: Final = names("sudo su doas pkexec runuser chroot unshare nsenter")
SHELLS: Final = names("sh bash zsh dash ksh fish ash")
INTERPRETERS: Final = names(
    "python python2 python3 node deno bun ruby perl php lua tclsh osascript pwsh powershell Rscript"
)
FETCHERS: Final = names("curl wget http https xh aria2c ftp lynx nc ncat netcat dig nslookup ping host whois")
INSTALLING: Final[Mapping[str, frozenset[str]]] = {
    name: names(words)
    for name, words in {
        "pip": "install download wheel uninstall",
        "pip3": "install download wheel uninstall",
        "uv": "add sync pip lock tool remove",
        "poetry": "add install update lock remove",
        "pdm": "add install update",
        "conda": "install create update",
        "npm": "install i add ci update uninstall exec create init",
        "pnpm": "install i add update dlx create",
        "yarn": "install add up upgrade dlx create",
        "bun": "install add create x",
        "cargo": "install add update fetch",
        "go": "get install mod",
        "gem": "install update",
        "bundle": "install update add",
        "composer": "install require update",
        "brew": "install upgrade update",
        "dotnet": "add restore",
        "apt": "install update upgrade",
        "apt-get": "install update upgrade",
        "dnf": "install upgrade",
        "yum": "install update",
        "apk": "add upgrade",
        "pacman": "-S -Syu -Sy",
        "pipx": "install run",
        "deno": "install add",
    }.items()
}
INSTALLERS: Final = names("npx uvx bunx")
PUBLISHING: Final = names("publish upload push deploy release yank unpublish")
MIGRATING: Final = names(
    "migrate db:migrate db:rollback db:drop db:reset db:push upgrade downgrade flush migrate:latest migrate:rollback "
    "sqlmigrate dropdb"
)
MIGRATORS: Final = names(
    "alembic manage.py django-admin rails rake artisan prisma knex sequelize sequelize-cli typeorm drizzle-kit diesel sqlx mix "
    "flask ecto doctrine"
)
DATABASES: Final = names(
    "psql mysql mariadb sqlite3 redis-cli mongo mongosh clickhouse-client dropdb createdb"
)
CLOUDS: Final = names(
    "kubectl helm terraform tofu pulumi aws gcloud az gh glab flyctl fly heroku vercel netlify"
)
CLOUD_CHANGES: Final = names(
    "apply destroy delete rm rb mb sync cp mv terminate-instances create edit patch scale drain cordon rollout install upgrade "
    "uninstall rollback merge close release deploy import taint replace exec up down put set"
)
CONTAINER_CHANGES: Final = names("rm rmi prune kill stop down push")
RISKY_VARIABLES: Final = names(
    "PATH IFS ENV BASH_ENV LD_PRELOAD LD_LIBRARY_PATH PYTHONPATH PYTHONSTARTUP NODE_OPTIONS PERL5OPT RUBYOPT GIT_SSH "
    "GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_PAGER PAGER EDITOR VISUAL GIT_EDITOR PROMPT_COMMAND SHELL"
)
GIT: Final[Mapping[str, Finding]] = {
    **_each(
        READS,
        "status diff log show blame ls-files ls-tree rev-parse describe grep shortlog cat-file rev-list reflog",
    ),
    **_each(
        READS,
        "merge-base name-rev whatchanged count-objects var version help diff-tree show-ref for-each-ref",
    ),
    **_each(
        Finding(Risk.LOW, "changes the branch it works on"), "add commit stash tag branch mv notes apply"
    ),
    **_each(
        Finding(Risk.MEDIUM, "changes what is checked out"),
        "checkout switch merge rebase cherry-pick revert restore rm am reset",
    ),
    **_each(
        Finding(Risk.MEDIUM, "changes settings of the repository"),
        "config remote submodule worktree init hook bisect",
    ),
    **_each(Finding(Risk.MEDIUM, "reaches the network"), "clone fetch pull ls-remote archive lfs"),
    **_each(Finding(Risk.HIGH, "sends commits away"), "push send-email svn p4"),
    **_each(Finding(Risk.HIGH, "rewrites history"), "filter-branch filter-repo update-ref gc prune replace"),
}
