# make demo    set up, then run the main job end to end against the sandbox, and exit
# make test    set up, then every test
# make dev     Dagster UI on 3000, sandbox on 3999; Ctrl-C stops everything
# make fuzz    10,000 made-up requests to the API, five minutes; FUZZ_CASES, FUZZ_SEED, FUZZ_ONLY=operation
# make chaos   kill, stall and crash everything for two minutes, then account for each delivery; CHAOS_SECONDS, CHAOS_SEED
# make check   lint, types, imports
# make bench   the benchmarks; their numbers belong into benchmarks/NOTES.md
# make lock    pin anew what requirements/*.in ask for

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
# Two processes suit two cores; each has a PostgreSQL of its own.
TEST_PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test fuzz chaos chromium check format bench lock clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup: $(READY)

$(READY): requirements/lock.txt setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed; $(PYTHON) is another version. Set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv (once, a minute or two) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/impact-in demo

dev: $(READY)
	@exec $(BIN)/impact-in dev

test: $(READY) chromium
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

# The same seed makes the same requests; FUZZ_ONLY names an operationId.
FUZZ_CASES ?= 10000
FUZZ_SEED ?= 1
fuzz: $(READY)
	@PYTHONHASHSEED=0 FUZZ_CASES=$(FUZZ_CASES) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest --timeout 1800 \
	  tests/integration/api_fuzz.py $(if $(FUZZ_ONLY),-k "random_cases and $(FUZZ_ONLY)")

CHAOS_SECONDS ?= 120
CHAOS_SEED ?= 1
chaos: $(READY)
	@CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest --timeout 0 tests/acceptance/chaos.py

# The browser tests need Debian's chromium; without it they are skipped, and this says so.
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing chromium for the browser tests (once) …"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 \
	      || echo "chromium could not be installed: the browser tests are skipped"; \
	  else echo "no chromium here: the browser tests are skipped (apt-get install chromium)"; fi; }

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(READY)
	@$(BIN)/python -m benchmarks

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
	  --no-annotate --python-version 3.11 requirements/dev.in -o requirements/lock.txt

clean:
	rm -rf .venv .dagster .impact-in .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
