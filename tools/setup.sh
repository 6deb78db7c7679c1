#!/bin/sh
# Makes .venv from the lock file, and installs or names the system programs muster can use.
# Run it as often as you like; it does nothing when nothing changed.
#
#   PYTHON=python3.12          the interpreter of a new .venv (default: a Python 3.11 to 3.13 found here)
#   MUSTER_SYSTEM_PACKAGES=no  do not install missing system packages, only name them
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

can_install() {
    [ "${MUSTER_SYSTEM_PACKAGES:-yes}" = yes ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    limits='-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=60'
    # shellcheck disable=SC2086
    apt-get -qq $limits update >/dev/null 2>&1 || true
    # shellcheck disable=SC2086
    apt-get -qq $limits -o Dpkg::Options::=--force-confold install --no-install-recommends -y "$@" >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || die "PYTHON=$PYTHON is not a program."
        supported "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11, 3.12 or 3.13."
        command -v "$PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11; do
        if supported "$name"; then command -v "$name"; return; fi
    done
}

find_uv() {
    if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then command -v uv; return; fi
    if [ -x .uv/bin/uv ]; then echo .uv/bin/uv; fi
}

# uv goes into .uv, a virtual environment of its own: nothing outside this folder changes.
install_uv() {
    command -v python3 >/dev/null 2>&1 || die "python3 is missing. Install Python 3.11 to 3.13, or uv (docs.astral.sh/uv)."
    say "installing uv into .uv"
    rm -rf .uv
    if ! python3 -m venv .uv >/dev/null 2>&1; then
        can_install && apt_install python3-venv || true
        rm -rf .uv
        python3 -m venv .uv >/dev/null 2>&1 ||
            die "python3 cannot make virtual environments (apt-get install python3-venv), or install uv yourself."
    fi
    .uv/bin/python -m pip install --quiet --disable-pip-version-check uv ||
        die "uv could not be installed by pip; see the lines above."
}

fingerprint() { { cat uv.lock pyproject.toml; echo "${PYTHON:-}"; } | cksum; }

sync_packages() {
    stamp=.venv/.setup-stamp
    wanted=$(fingerprint)
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then return; fi
    uv=$(find_uv)
    if [ -z "$uv" ]; then install_uv; uv=.uv/bin/uv; fi
    # Compiled once here, not by every process: a server's start takes half as long.
    set -- sync --locked --inexact --quiet --compile-bytecode
    if [ -n "${PYTHON:-}" ] || ! supported .venv/bin/python; then
        python=$(find_python)
        # Without one here, uv fetches a Python of its own.
        set -- "$@" --python "${python:-3.13}"
    fi
    say "installing the locked packages into .venv"
    env -u VIRTUAL_ENV "$uv" "$@" || die "the packages could not be installed; see the lines above."
    echo "$wanted" >"$stamp"
}

has_postgres() {
    for directory in /usr/lib/postgresql/*; do
        version=${directory##*/}
        case $version in '*' | *[!0-9]*) continue ;; esac
        [ "$version" -ge 15 ] && [ -x "$directory/bin/postgres" ] && return 0
    done
    command -v postgres >/dev/null 2>&1
}

# Debian starts a server for whoever installs PostgreSQL. We only want the programs.
without_own_cluster() {
    file=/etc/postgresql-common/createcluster.conf
    if [ ! -e "$file" ]; then mkdir -p "${file%/*}"; echo 'create_main_cluster = false' >"$file"; fi
}

has() {
    case $1 in
        bubblewrap) [ "$(uname)" != Linux ] || command -v bwrap >/dev/null 2>&1 ;;
        postgresql) has_postgres ;;
        nodejs) command -v node >/dev/null 2>&1 ;;
    esac
}

without() {
    case $1 in
        bubblewrap) echo "bubblewrap is missing: scripts run as plain processes, without isolation" ;;
        postgresql) echo "the PostgreSQL server (15 or later) is missing: its tests and benchmarks do not run" ;;
        nodejs) echo "node is missing: the type check and the web interface's build need it (20.19 or later)" ;;
    esac
}

how_to_install() {
    if command -v apt-get >/dev/null 2>&1; then echo "apt-get install $1"
    elif command -v brew >/dev/null 2>&1; then echo "brew install ${1%js}"
    else echo "your system's package $1"; fi
}

system_programs() {
    tried=.venv/.setup-tried
    touch "$tried"
    for package in bubblewrap postgresql nodejs; do
        has "$package" && continue
        if can_install && ! grep -qx "$package" "$tried"; then
            echo "$package" >>"$tried"
            say "installing $package"
            [ "$package" = postgresql ] && without_own_cluster
            apt_install "$package" || true
        fi
        has "$package" || say "$(without "$package"). To have it: $(how_to_install "$package")"
    done
}

sync_packages
system_programs
tools/web.sh build || say "the web interface is not built; the server runs without it"
