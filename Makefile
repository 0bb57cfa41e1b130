# Works from a bare checkout: Python 3.11 or newer (with its venv module) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

# A throwaway installation for the checks that need a whole application.
SCRATCH := build/check
SCRATCH_ENV := LOYALTY_DATABASE_URL='sqlite:///$(CURDIR)/$(SCRATCH)/check.db' \
	LOYALTY_SECRET_KEY=only-for-checks-never-for-a-real-service \
	LOYALTY_BASE_URL=http://127.0.0.1:8000

.DEFAULT_GOAL := help
.PHONY: help run test sure bench lock fmt migration format-check lint types migrations-check openapi-check

help: ## Show what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## Start everything with a lively demo program on http://127.0.0.1:8000
	@$(BIN)/python -m loyalty.demo

test: $(DEV) ## Run all tests on SQLite and PostgreSQL (PYTEST_ARGS='tests/ledger -k refund' narrows)
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

sure: ## Run what CI runs: format, lint, types, migrations, OpenAPI, tests
	@$(MAKE) --no-print-directory format-check lint types migrations-check openapi-check
	@$(MAKE) --no-print-directory test

bench: $(DEV) ## Measure the service beside a plain Flask view
	@$(BIN)/python -m bench

fmt: $(DEV) ## Format, and mend what the linter can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

migration: $(DEV) ## Write a migration for what changed in the models (name='add vouchers')
	@test -n "$(name)" || { echo "Say what changes: make migration name='add vouchers'"; exit 2; }
	@rm -rf $(SCRATCH) && mkdir -p $(SCRATCH)
	@$(SCRATCH_ENV) $(BIN)/flask db upgrade
	@$(SCRATCH_ENV) $(BIN)/flask db migrate -m "$(name)" \
		--rev-id $$(printf '%04d' $$(($$(ls migrations/versions/*.py 2>/dev/null | wc -l) + 1)))

lock: $(DEV) ## Pin requirements*.in again (LOCK_ARGS=--upgrade takes newer versions)
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command 'make lock' $(LOCK_ARGS) requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command 'make lock' $(LOCK_ARGS) requirements-dev.in -o requirements-dev.txt

format-check: $(DEV)
	@$(BIN)/ruff format --check

lint: $(DEV)
	@$(BIN)/ruff check

types: $(DEV)
	@$(BIN)/mypy

migrations-check: $(DEV)
	@rm -rf $(SCRATCH) && mkdir -p $(SCRATCH)
	@$(SCRATCH_ENV) $(BIN)/flask db upgrade
	@$(SCRATCH_ENV) $(BIN)/flask db check

openapi-check: $(DEV)
	@mkdir -p $(SCRATCH)
	@$(SCRATCH_ENV) $(BIN)/flask loyalty openapi > $(SCRATCH)/openapi.json
	@$(BIN)/openapi-spec-validator $(SCRATCH)/openapi.json

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing what the service runs on …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(DEV): requirements-dev.txt | $(BIN)/python
	@echo "Installing what developing needs …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(RUNTIME)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is not. Name another: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is incomplete here. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
