# Every path is relative and every recipe line is quoted, so the checkout may lie anywhere, also where a path has a space.

# The first Python on the path that is new enough; make PYTHON=/path/to/python takes another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && exit; done; echo python3)

bin := .venv/bin
locks := requirements/runtime.txt requirements/tracing.txt requirements/dev.txt
# Programs in .venv name the folder that it was made in: in a copied or moved checkout it is made anew.
is_ours := $(shell grep -qF " $$(pwd -P)/.venv" .venv/pyvenv.cfg 2>/dev/null && $(bin)/python -c 'import sys; \
	print("yes" if sys.version_info >= (3, 11) else "no")' 2>/dev/null)
pip := $(bin)/python -m pip --quiet --disable-pip-version-check --no-input
clients := tests/clients/node_modules/.package-lock.json
peers := bench/clients/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup run test test-15 check bench bench-full schema migration lock clean FORCE

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/installed ## Make .venv with the locked dependencies

ifneq "$(is_ours)" "yes"
.venv/locked: FORCE
endif

.venv/locked: $(locks)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Interpact needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>/dev/null || echo missing)." >&2; \
		echo "Install one, and name it where it has another name: make PYTHON=python3.12 setup" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@test "$(is_ours)" = yes || { rm -rf .venv; echo "Making .venv with $$("$(PYTHON)" --version)"; "$(PYTHON)" -m venv .venv; }
	@echo "Installing the locked dependencies"
	@$(pip) install --no-deps --require-hashes $(addprefix --requirement ,$(locks))
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@PYTHONWARNINGS=ignore $(pip) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

FORCE:

run: setup ## Start the demo and serve it until Ctrl-C
	@$(bin)/interpact demo

test: setup $(if $(shell command -v npm 2>/dev/null),$(clients),no-npm) ## Run the tests
	@$(bin)/python -m pytest -n 2

# The same tests on the oldest PostgreSQL that is supported, where Debian's package postgresql-15 is installed.
test-15: setup ## Run the tests of persistence/ on PostgreSQL 15
	@if test -x /usr/lib/postgresql/15/bin/postgres; then \
		INTERPACT_TEST_POSTGRES=15 $(bin)/python -m pytest -n 2 tests/persistence; \
	else \
		echo "SKIPPED: the tests of persistence/ on PostgreSQL 15, which is not in /usr/lib/postgresql/15 (apt install postgresql-15)."; \
	fi

$(clients): tests/clients/package.json tests/clients/package-lock.json
	@npm ci --prefix tests/clients --no-fund --no-audit --loglevel=error

$(peers): bench/clients/package.json bench/clients/package-lock.json
	@npm ci --prefix bench/clients --no-fund --no-audit --loglevel=error

.PHONY: no-npm
no-npm:
	@echo "npm is not installed: the stories that need a Node client are skipped."

check: setup ## Lint, format check, types and import contracts; what CI runs
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports

bench: setup $(if $(shell command -v npm 2>/dev/null),$(peers)) ## Measure against the limits of bench/, and write bench/results.json
	@$(bin)/python -m bench

bench-full: setup ## The benchmarks that take long: fifty million points
	@$(bin)/python -m bench judge_50m_vs_1m

schema: setup ## Print the GraphQL schema from the code to graph/schema.graphql
	@$(bin)/interpact schema > .venv/schema.graphql
	@cp .venv/schema.graphql graph/schema.graphql

migration: setup ## Begin a migration: make migration message="what is now true"
	@test -n "$(message)" || { echo 'Say what it does: make migration message="breaches have a cause"' >&2; exit 1; }
	@$(bin)/alembic revision --message "$(message)" --rev-id "$$(printf %04d $$(($$(ls alembic/versions/*.py | wc -l) + 1)))"

lock: setup ## Choose the newest dependencies that fit, and write requirements/*.txt
	@for name in runtime tracing dev; do \
		$(bin)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
			--output-file "requirements/$$name.txt" "requirements/$$name.in" >/dev/null || exit 1; done
	@npm update --prefix tests/clients --package-lock-only --no-fund --no-audit
	@npm update --prefix bench/clients --package-lock-only --no-fund --no-audit

clean: ## Remove what the other tasks made (never the data folder)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info bench/results.json \
		tests/clients/node_modules bench/clients/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
