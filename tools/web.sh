#!/bin/sh
# The web interface: `build` (skipped when nothing changed), `check` (types, lint, sizes), `test` (check and unit tests),
# `screens FOLDER`. Needs Node 20.19 or later; without it everything here is skipped, and said so.
set -eu
cd "$(dirname "$0")/../web"

dist=../src/muster/web_dist
stamp=$dist/.stamp

say() { printf 'web: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

has_node() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

fingerprint() {
    { find src public tools index.html package.json package-lock.json tsconfig.json vite.config.ts -type f \
        ! -name schema.d.ts -exec cksum {} + | sort; cksum <../docs/reference/openapi.json; node --version; } | cksum
}

packages() {
    locked=$({ cat package-lock.json; node --version; } | cksum)
    [ "$(cat node_modules/.setup-stamp 2>/dev/null || true)" = "$locked" ] && return
    say "installing the locked packages into web/node_modules"
    npm ci --no-audit --no-fund --silent || die "the packages could not be installed; see the lines above."
    echo "$locked" >node_modules/.setup-stamp
}

types() {
    if [ ! -e src/api/schema.d.ts ] || [ ../docs/reference/openapi.json -nt src/api/schema.d.ts ]; then
        npx --no-install openapi-typescript ../docs/reference/openapi.json -o src/api/schema.d.ts >/dev/null
    fi
}

build() {
    wanted=$(fingerprint)
    [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && return
    packages
    types
    say "building the web interface"
    npm run --silent build >/dev/null || die "the web interface could not be built: (cd web && npm run build)"
    echo "$wanted" >"$stamp"
}

check() {
    # Joined, since a function behind `&&` goes on after what fails.
    packages && types && npm run --silent check && node tools/budgets.js &&
        ../.venv/bin/python ../tools/check_tokens.py src/styles/tokens.css
}

has_node || {
    case ${1:-} in
        build) [ -e $dist/index.html ] || say "Node 20.19 or later is missing: the web interface is not built" ;;
        *) say "Node 20.19 or later is missing: skipped" ;;
    esac
    exit 0
}

case ${1:-} in
    build) build ;;
    check) build && check ;;
    test) build && check && npm run --silent test ;;
    screens) folder=$(mkdir -p "${2:?a folder}" && cd "$2" && pwd) ; build ; cd .. ; .venv/bin/python -m tools.screens "$folder" ;;
    *) die "usage: tools/web.sh build|check|test|screens FOLDER" ;;
esac
