# `make demo` and `make test` need git, make and Python 3.11 or newer, and set up everything else in .venv.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
DEMO_OUTPUT ?= demo-output
DIST ?= dist
SECONDS ?= 60
# One more than two cores, because tests also wait for servers and processes. A fourth costs more CPU than it saves.
WORKERS ?= 3

.PHONY: help demo test test-long lint types contracts check bench docs fuzz tools build wheel-test lock audit secrets clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo        the guided demonstration, against embedded servers'
	@echo 'make test        the tests, with a sample of those that take long'
	@echo 'make test-long   all tests, with all examples'
	@echo 'make check       lint, types, import contracts'
	@echo 'make docs        regenerate the reference pages from --help and the schemas'
	@echo 'make bench       the benchmarks'
	@echo 'make build       wheel, sdist and their bill of materials, in dist/'
	@echo 'make wheel-test  tests of the built wheel, with the lowest allowed versions'
	@echo 'make lock        rewrite requirements/*.lock; with UPGRADE=1 to the newest versions'
	@echo 'make audit       known vulnerabilities of the locked packages'
	@echo 'make secrets     secrets in the files and their history'
	@echo 'make fuzz SECONDS=60  coverage-guided fuzzing of every parser'

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed; none was found on the path.' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || $(PYTHON) -m virtualenv $(VENV) || { \
	  echo 'No virtual environment can be made: this Python lacks its venv module (Debian: apt install python3-venv).' >&2; exit 1; }

# Everything is installed from requirements/*.lock, checked by its hashes, and nothing is built from source but pyspf.
# UNLOCKED=1 installs whatever the ranges of pyproject.toml allow, unchecked: for a Python or machine without locks.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED := $(PIP) --require-hashes --no-build-isolation --only-binary :all: --no-binary pyspf
NO_LOCK := echo 'Not installed: see above. A hash that does not match is an alarm: find out why. Where this machine merely lacks a' >&2; \
  echo 'wheel of a locked package, UNLOCKED=1 installs without locks (docs/supply-chain.md).' >&2; exit 1

$(VENV)/.build: requirements/build.lock | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 15))' || { \
	  echo 'The locks are for Python 3.11 to 3.14, and this is a newer one. Name another (make PYTHON=python3.13 ...), or' >&2; \
	  echo 'install without locks, unchecked (UNLOCKED=1): docs/supply-chain.md.' >&2; exit 1; }
	@$(LOCKED) -r $< || { $(NO_LOCK); }
	@touch $@

ifdef UNLOCKED
$(VENV)/.demo $(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo 'UNLOCKED=1: installing without locks. No version is fixed and NO HASH IS CHECKED.' >&2
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.demo $(VENV)/.dev
else
$(VENV)/.demo: requirements/demo.lock pyproject.toml | $(VENV)/.build
	@$(LOCKED) -r $< || { $(NO_LOCK); }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.build
	@$(LOCKED) -r $< || { $(NO_LOCK); }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo
endif

# What else has a lock: tools.
$(VENV)/.%: requirements/%.lock | $(VENV)/.dev $(VENV)/.build
	@$(LOCKED) -r $< || { $(NO_LOCK); }
	@touch $@

demo: $(VENV)/.demo
	@$(BIN)/reconciler demo --output $(DEMO_OUTPUT)

# Without compiled files, every process of the tests would compile the program again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: $(VENV)/.dev
	$(PYTEST) $(TESTS)

test-long: $(VENV)/.dev
	$(PYTEST) --long $(TESTS)

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
	$(BIN)/python docs/quotes.py

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

tools: $(VENV)/.tools

# A wheel, an sdist and what is in them, in dist/; the same bytes for the same commit.
build: $(VENV)/.tools
	@$(BIN)/python requirements/make_dist.py $(DIST)

wheel-test: $(VENV)/.tools
	./tests/wheel.sh $(BUILT)

lock: $(VENV)/.dev
	@$(BIN)/python requirements/renew.py

audit: $(VENV)/.tools
	@$(BIN)/python requirements/audit.py

secrets: $(VENV)/.tools
	@$(BIN)/python requirements/find_secrets.py $(MORE)

$(VENV)/.fuzz: requirements/fuzz.lock | $(VENV)/.dev $(VENV)/.build
	@$(LOCKED) -r $< || { $(NO_LOCK); }
	@touch $@

fuzz: $(VENV)/.fuzz
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(SECONDS) $(FUZZ)

clean:
	rm -rf $(VENV) dist build demo-output .mypy_cache .ruff_cache .hypothesis
