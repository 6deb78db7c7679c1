# make help lists the verbs. Pass settings by environment: MUSTER_PORT=5006 make run
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# Processes that run the tests: one more than there are CPUs, since many wait for other processes; at most eight.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
TESTS ?= tests
COVERAGE_FLOOR := 85
SCREENS ?= .muster/screens
# Where Python may not keep what it compiled, each of the hundreds of processes that the tests start compiles everything.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = $(BIN)/pytest -n $(WORKERS) --maxprocesses 8

.PHONY: help setup run test check format bench screens gen

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from the lock file; install or name missing system programs
	@tools/setup.sh

run: setup ## start muster with its demo on http://127.0.0.1:5005 (ARGS="--port 5006" adds flags)
	@exec $(BIN)/muster up --demo $(ARGS)

# The real agents are named by their folder, so that the process which deals tests out says at the end whether they ran.
test: setup ## the whole suite on SQLite and PostgreSQL, with coverage; the domain fully by its own tests; real agents last
	@status=0; \
	MUSTER_REQUIRE_POSTGRES= $(PYTEST) tests/unit -q --cov --cov-report= || status=1; \
	$(BIN)/coverage report --include='src/muster/domain/*' --skip-covered --fail-under=100 || status=1; \
	$(PYTEST) $(TESTS) --ignore=tests/unit -m "measured and not agents and not firecracker" --dist worksteal -q \
		--cov --cov-append --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR) || status=1; \
	$(PYTEST) $(TESTS) -m "not measured and not agents and not firecracker" --dist worksteal || status=1; \
	$(BIN)/python -m tools.real_firecracker >/dev/null || [ -z "$$MUSTER_REQUIRE_FIRECRACKER" ] || status=1; \
	said=$$(mktemp); MUSTER_REQUIRE_POSTGRES= $(BIN)/pytest $(TESTS) -m firecracker -q >"$$said" 2>&1 & emulated=$$!; \
	$(BIN)/python -m tools.real_agents >/dev/null || [ -z "$$MUSTER_REQUIRE_AGENTS" ] || status=1; \
	MUSTER_REQUIRE_POSTGRES= $(BIN)/pytest -n 2 --dist loadfile $(patsubst tests,tests/real_agents,$(TESTS)) -m agents -q || [ $$? = 5 ] || status=1; \
	tools/web.sh test || status=1; \
	wait $$emulated || [ $$? = 5 ] || status=1; cat "$$said"; rm -f "$$said"; \
	exit $$status

check: setup ## format, lint, types, import contracts, generated files, architecture and unit tests
	@$(BIN)/ruff format --check --quiet . || { echo "run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pyright
	@if [ -f tools/generate.py ]; then $(BIN)/python -m tools.generate --check; fi
	@tools/web.sh check
	@$(PYTEST) tests/architecture tests/unit -q

format: setup ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

bench: setup ## measure against peers and references (ARGS="--quick" or names of single benchmarks)
	@PATH="$$PWD/.uv/bin:$$PATH" uv sync --locked --inexact --quiet --group bench
	@$(BIN)/python -m benchmarks $(ARGS)

screens: setup ## pictures of every page into $(SCREENS), of a server filled with a busy fleet
	@tools/web.sh screens "$(abspath $(SCREENS))"

gen: setup ## write the generated references anew
	@$(BIN)/python -m tools.generate $(ARGS)
