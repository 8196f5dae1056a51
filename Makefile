# `make demo` and `make test` need git, make and Python 3.11 or newer, and set up everything else in .venv.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
DEMO_OUTPUT ?= demo-output
SECONDS ?= 60

.PHONY: help demo test lint types contracts check bench docs fuzz wheel-test clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo        the whole story, against an embedded server'
	@echo 'make test        all tests'
	@echo 'make check       lint, types, import contracts'
	@echo 'make docs        regenerate the reference pages from --help and the schemas'
	@echo 'make bench       the benchmarks'
	@echo 'make wheel-test  all tests against the built wheel'
	@echo 'make fuzz SECONDS=60  coverage-guided fuzzing of every parser'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed; none was found on the path.' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || $(PYTHON) -m virtualenv $(VENV) || { \
	  echo 'No virtual environment can be made: this Python lacks its venv module (Debian: apt install python3-venv).' >&2; exit 1; }

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/reconciler demo --output $(DEMO_OUTPUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types contracts

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/reviewing.py

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

$(VENV)/.fuzz: pyproject.toml | $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

fuzz: $(VENV)/.fuzz
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(SECONDS) $(FUZZ)

wheel-test: $(VENV)/.dev
	./tests/wheel.sh

clean:
	rm -rf $(VENV) dist build demo-output .mypy_cache .ruff_cache .hypothesis
