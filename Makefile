# Every target sets up what it needs. The virtual environment is rebuilt when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test faults engines lint bench clean

help:  ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dipper needs Python 3.11 or later: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)  ## captures and a simulated fleet, from TCP to database rows
	$(BIN)/dipper demo

test: $(READY)  ## unit, golden, contract and end-to-end tests on embedded parts
	$(BIN)/python -m pytest

faults: $(READY)  ## whole pipelines through kill -9, outages and worse: SEEDS=50 for the full set
	$(BIN)/python -m pytest tests/faults -m faults -s

engines: $(READY)  ## fetch the Apache Kafka and TimescaleDB that the tests use, once
	$(BIN)/python -m tests.engines.provision

lint: $(READY)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## paired benchmarks, printed as ratios
	$(BIN)/python -m loadtests all

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
