# Every target sets up what it needs. The virtual environment is rebuilt when pyproject.toml or the
# sources of the extension modules change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test faults engines fuzz image-check lint bench clean

help:  ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml hatch_build.py $(wildcard services/native/*.[ch] services/*/native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dipper needs Python 3.11 or later: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/dipper --version
	@touch $@

demo: $(READY)  ## captures and a simulated fleet, from TCP to database rows
	$(BIN)/dipper demo

# Most tests wait for servers more than they compute. Each process has servers of its own, and a
# file's tests stay together, as they share what they set up.
test: $(READY)  ## unit, golden, contract and end-to-end tests, on up to four cores
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

faults: $(READY)  ## whole pipelines through kill -9, outages and worse: SEEDS=50 for the full set, in pieces
	$(BIN)/python -m pytest tests/faults -m faults -s $(if $(AGAIN),--again)

fuzz: $(READY)  ## a million lines of every kind to the TCP port: FUZZ_LINES=20000, FUZZ_SEED=7
	$(BIN)/python -m tests.fuzz

engines: $(READY)  ## fetch the Apache Kafka and TimescaleDB that the tests use, once
	$(BIN)/python -m tests.engines.provision

image-check: $(READY)  ## the image's steps without Docker, up to a working pipeline: as root
	DIPPER_TEST_ENGINES=required $(BIN)/python -m pytest tests/integration/deploy -m image -s

lint: $(READY)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

BENCH_READY := $(VENV)/.bench-ready

$(BENCH_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

bench: $(BENCH_READY)  ## benchmarks in a few minutes: ratios, plots, loadtests/RESULTS.md (LOG=kafka, COMPARE=old.json)
	$(BIN)/python -m loadtests bench --log $(or $(LOG),embedded) $(if $(filter kafka,$(LOG)),--ack) $(if $(COMPARE),--compare $(COMPARE))

bench-smoke: $(BENCH_READY)  ## every scenario for a few seconds: does it work at all?
	@for scenario in $$($(BIN)/python -m loadtests --names); do \
	  $(BIN)/python -m loadtests $$scenario --small --log $(or $(LOG),embedded) || exit 1; \
	done

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
