# sfprm: `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TEST_ARGS ?=
MODE ?= replay
ORG ?= devorg
HISTORIES ?= 200
SEED ?= 1
RESULTS ?=

.PHONY: help demo test lint org clients contract record drift scratch bench-org bench-access bench-estate bench-fairness bench-routing bench-scale chaos docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## the whole story on the embedded org; no Salesforce account needed
	@$(BIN)/sfprm demo

test: $(VENV)/.dev ## all tests: the embedded org over HTTP, SQLite and PostgreSQL
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy --strict, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

org: $(VENV)/.core ## the embedded org on its own, for any client (Ctrl-C ends it)
	@$(BIN)/sfprm org serve --http-port 8080 --https-port 8443 --story demo

clients: $(VENV)/.dev ## jsforce and the sf CLI, unchanged, against the embedded org (needs npm; 400 MB)
	@command -v npm > /dev/null || { echo "npm is not installed: it brings the clients"; exit 1; }
	@npm install --prefix .clients --no-save --no-audit --no-fund --silent node@22 jsforce@3.10 @salesforce/cli@2.150
	@$(BIN)/python -m pytest -q tests/clients

contract: $(VENV)/.dev ## the contract suite; MODE=replay (default), devorg or live
	@$(BIN)/python -m pytest -q tests/contract --sfprm-mode $(MODE)

record: $(VENV)/.dev ## renew the recordings from the embedded org
	@$(BIN)/sfprm record --org devorg --overwrite

drift: $(VENV)/.dev ## what the embedded org (or ORG=live) answers today, against the recordings
	@into=$$(mktemp -d) && $(BIN)/sfprm record --org $(ORG) --into $$into --quiet > /dev/null && $(BIN)/python -m sfprm.recording drift fixtures/recordings $$into; code=$$?; rm -rf $$into; exit $$code

bench-org: $(VENV)/.dev ## the embedded org beside simple-mockforce and a bare server, and at 1,000,000 leads
	@$(BIN)/python benchmarks/bench_org.py

bench-estate: $(VENV)/.dev ## the partner estate: calls, time and memory at 10,000 partners, and beside a bare loop
	@$(BIN)/python -m benchmarks.bench_estate

bench-access: $(VENV)/.dev ## the access layer beside bare loops and simple-salesforce, 1,000,000 leads
	@$(BIN)/python benchmarks/bench_access.py

bench-routing: $(VENV)/.dev ## decisions a second, the split of 100,000 leads, routing end to end
	@$(BIN)/python benchmarks/bench_routing.py

bench-fairness: $(VENV)/.dev ## the fairness policies side by side
	@$(BIN)/python benchmarks/bench_fairness.py

chaos: $(VENV)/.dev ## seeded histories of kills, stops, outages and faults; HISTORIES=200, goes on with RESULTS=file
	@$(BIN)/python -m tests.chaos --histories $(HISTORIES) --from-seed $(SEED) $(if $(RESULTS),--results $(RESULTS))

bench-scale: $(VENV)/.dev ## routing and applying with 1, 2 and 4 workers
	@$(BIN)/python -m benchmarks.bench_scale

docs: $(VENV)/.dev ## write the generated pages anew: fidelity, editor schemas, .env.example
	@$(BIN)/python -m sfprm.devorg.fidelity docs/fidelity.md
	@$(BIN)/python -m sfprm.programme.schema docs/schema
	@$(BIN)/python -m sfprm.programme.reference docs/programme-keys.md
	@$(BIN)/python -m sfprm.daemon.schema docs/schema
	@$(BIN)/python -m sfprm.settings_example config/.env.example
	@$(BIN)/python -m sfprm.provisioning.checks.page docs/check.md

scratch: ## a scratch org to try sfprm on (needs the sf CLI and a Dev Hub)
	@command -v sf > /dev/null || { echo "the sf CLI is not installed: see docs/developer-edition.md"; exit 1; }
	@sf org create scratch --definition-file config/project-scratch-def.json --alias sfprm-trial --duration-days 7

lock: $(VENV)/.dev ## pin the dependencies anew (needs uv)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade -q -o requirements.lock
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -c requirements.lock -q -o requirements-dev.lock

clean: ## remove what the targets made
	@rm -rf $(VENV) .sfprm sfprm-demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sfprm needs Python 3.11 or newer; set PYTHON=python3.12, say."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "installing into $(VENV) (once)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements-dev.lock pyproject.toml
	@echo "installing into $(VENV), with the test tools (once)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps -e .
	@$(BIN)/python -m compileall -q sfprm
	@touch $@ $(VENV)/.core
