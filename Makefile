# make demo    set up, then run the main job end to end against the sandbox, and exit
# make test    set up, then the tests
# make versions  make test on each of Python 3.11, 3.12 and 3.13; PYTHONS
# make newest-dagster  the tests of Dagster's room with the newest Dagster that the registry has, in build/; optional
# make slow    the variants that `make test` has one of each of: every way to stop, every language on a phone
# make coverage  all tests again, slow ones too: lines and branches they ran, room by room
# make dev     Dagster UI on 3000, sandbox on 3999; Ctrl-C stops everything
# make fuzz    10,000 made-up requests to the API, five minutes; FUZZ_CASES, FUZZ_SEED, FUZZ_ONLY=operation
# make chaos   kill, stall and crash everything for two minutes, then account for each delivery; CHAOS_SECONDS,
#              CHAOS_SEED, CHAOS_KINDS=kill,restore (only these) or -restore (all but this)
# make chaos-trials TRIALS=n  n times half a minute of it, one seed after the other; a row for each in build/chaos.md
# make zones   sparse crons over every clock change of every time zone since 1970; half an hour
# make check   lint, types, imports, dead code, dependencies, migrations, deploy/, the documentation site
# make queue    a real daemon: drains start beside a backfill and failing cells; two minutes
# make mutants  change the rules at random and see the tests fail; MUTANTS, MUTANTS_SEED
# make check-image  what the image holds, run from an empty environment on Debian's PostgreSQL; two minutes
# make release VERSION=X.Y.Z  check everything, date the changelog, tag
# make bench   the benchmarks, recorded in benchmarks/results.json; what they mean belongs into benchmarks/NOTES.md
# make docs    the documentation site, in build/site; `make docs-serve` shows it on 127.0.0.1, DOCS_PORT
# make docs-samples  run the commands that the pages show: quick start, how-tos, guides, README; two minutes
# make openapi write the API's document anew, which the clients are generated from
# make client-packages   build the clients' wheel and npm package into build/clients
# make lock    pin anew what requirements/*.in ask for

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A Python that was named makes the environment anew if another version made it.
ifneq ($(filter command environment,$(firstword $(origin PYTHON))),)
ifneq ($(shell cat $(READY) 2>/dev/null),$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
.PHONY: $(READY)
endif
endif
# Tests that serve and send mostly wait, so four suit two cores; each has a PostgreSQL of its own. What is slow
# comes first (testpaths), or one process would be left with it at the end.
TEST_PROCESSES ?= 4
PYTEST = PYTHONHASHSEED=0 $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test versions newest-dagster slow coverage fuzz chaos chaos-trials queue zones mutants chromium promtool servers clients openapi client-packages check check-structure check-migrations check-deploy check-image docs docs-samples docs-serve format bench \
  lock release clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup: $(READY)

$(READY): requirements/lock.txt setup.py
	@requirements/set-up $(PYTHON) $(VENV)

demo: $(READY)
	@$(BIN)/impact-in demo

dev: $(READY)
	@exec $(BIN)/impact-in dev

test: $(READY) chromium promtool servers clients
	@$(PYTEST) -m "not slow"

# Each version in an environment of its own, one after the other.
PYTHONS ?= python3.11 python3.12 python3.13
versions:
	@for python in $(PYTHONS); do \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=build/$$(basename $$python) || exit 1; done

# Whether an upgrade would work: what is private of Dagster's (assets/event_batches.py) is tested there too.
NEWEST := build/newest-dagster
newest-dagster:
	@$(MAKE) --no-print-directory setup VENV=$(NEWEST)
	@$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade \
	  dagster dagster-postgres dagster-webserver dagster-k8s
	@$(NEWEST)/bin/dagster --version
	@PYTHONHASHSEED=0 $(NEWEST)/bin/python -m pytest -n $(TEST_PROCESSES) --dist loadfile tests/acceptance \
	  --ignore tests/acceptance/cockpit

slow: $(READY) chromium promtool servers clients
	@$(PYTEST) -m slow

# Counting slows every test, so it is a run of its own. Page by page: build/coverage/index.html.
coverage: $(READY) chromium promtool servers clients
	@$(PYTEST) --cov --cov-report=
	@PYTHONPATH=tests $(BIN)/python -m tools.coverage_by_room
	@$(BIN)/coverage html --quiet -d build/coverage && echo "build/coverage/index.html"

# The same seed makes the same requests; FUZZ_ONLY names an operationId.
FUZZ_CASES ?= 10000
FUZZ_SEED ?= 1
fuzz: $(READY)
	@PYTHONHASHSEED=0 FUZZ_CASES=$(FUZZ_CASES) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest --timeout 1800 \
	  tests/integration/api_fuzz.py $(if $(FUZZ_ONLY),-k "random_cases and $(FUZZ_ONLY)")

CHAOS_SECONDS ?= 120
CHAOS_SEED ?= 1
CHAOS_KINDS ?=
CHAOS_TRIALS ?= 1
queue: $(READY)
	@$(BIN)/python -m pytest --timeout 600 tests/acceptance/queueing.py

chaos: $(READY)
	@CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) CHAOS_KINDS=$(CHAOS_KINDS) CHAOS_TRIALS=$(CHAOS_TRIALS) \
	  $(BIN)/python -m pytest --timeout 0 tests/acceptance/chaos.py

TRIALS ?= 10
chaos-trials:
	@$(MAKE) --no-print-directory chaos CHAOS_TRIALS=$(TRIALS) CHAOS_SECONDS=$(if $(filter file,$(origin CHAOS_SECONDS)),25,$(CHAOS_SECONDS))

zones: $(READY)
	@$(BIN)/python -m pytest --timeout 0 -n $(TEST_PROCESSES) tests/unit/scheduling/every_zone.py

# What generates clients from the API's document, for the tests that use them.
clients: $(READY)
	@clients/set-up $(PYTHON)

openapi: $(READY)
	@PYTHONPATH=. $(BIN)/python clients/document.py

client-packages: clients openapi
	@mkdir -p build/clients
	@clients/python/.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --wheel-dir build/clients clients/python
	@cd clients/typescript && npm run build --silent && npm pack --silent --pack-destination ../../build/clients > /dev/null
	@ls build/clients/impact*

# The browser tests need Debian's chromium, best without a desktop's browser around it (half the processor time);
# without any they are skipped, and this says so.
chromium:
	@command -v chromium-headless-shell >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! [ -e $(VENV)/chromium-tried ]; then \
	    touch $(VENV)/chromium-tried 2>/dev/null; echo "Installing chromium for the browser tests (once) …"; \
	    { apt-get update -qq && export DEBIAN_FRONTEND=noninteractive && \
	      { apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; }; } >/dev/null 2>&1 || :; \
	  fi; \
	  command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
	    || echo "no chromium here: the browser tests are skipped (apt-get install chromium-headless-shell)"; }

# The cases of the alert rules need promtool, of Debian's prometheus; without it
# they are skipped, and this says so. RUNLEVEL=1: where there is no systemd, its server is not started.
promtool:
	@command -v promtool >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing prometheus for the tests of the alert rules (once) …"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus; } >/dev/null 2>&1 \
	      || echo "prometheus could not be installed: the alert rules are not run"; \
	  else echo "no promtool here: the alert rules are not run (apt-get install prometheus)"; fi; }

# The tests of a managed database need Debian's PostgreSQL and PgBouncer; likewise.
servers:
	@{ ls /usr/lib/postgresql/*/bin/initdb && command -v /usr/sbin/pgbouncer; } >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing postgresql and pgbouncer for the tests of a managed database (once) …"; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	      postgresql pgbouncer openssl; } >/dev/null 2>&1 \
	      || echo "postgresql or pgbouncer could not be installed: those tests are skipped"; \
	  else echo "no postgresql or pgbouncer here: their tests are skipped (apt-get install postgresql pgbouncer)"; fi; }

check: $(READY) check-structure check-migrations check-deploy docs docs-samples
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Imports go one way, nothing is dead, and what is imported is declared.
check-structure: $(READY)
	@$(BIN)/lint-imports
	@PYTHONPATH=tests $(BIN)/python -m tools.dead_code
	@$(BIN)/deptry impact_in_pipelines

# Migrations after the first two run against filled tables: none may lock them for long.
MIGRATIONS_FROM := 0002
check-migrations: $(READY)
	@mkdir -p build && PYTHONPATH=tests $(BIN)/python -m tools.migrations_sql $(MIGRATIONS_FROM) > build/migrations.sql 2>/dev/null \
	  && $(BIN)/squawk --no-error-on-unmatched-pattern build/migrations.sql

# Chart, compose file, image and units: what can be told of them without an engine.
check-deploy: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m tools.deploying

# The pages of docs/ and the reference that is made of the code; a warning, a dead link or anything that the site
# would load from elsewhere fails it.
DOCS_PORT ?= 3010
docs: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m tools.site

# The commands that the pages show, run in a shell against the sandbox; two minutes.
docs-samples: $(READY)
	@$(BIN)/python -m pytest -q -n 0 --timeout 300 tests/acceptance/docs_samples.py

docs-serve: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m tools.site --serve $(DOCS_PORT)

# What the image holds, installed into an empty environment and run as nobody on a read-only root; two minutes.
check-image: $(READY) servers
	@$(BIN)/python -m pytest --timeout 900 tests/acceptance/image.py

# Which changes of the rules the tests would not notice: a seeded sample, survivors are listed.
MUTANTS ?= 200
MUTANTS_SEED ?= 1
mutants: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m tools.mutants --count $(MUTANTS) --seed $(MUTANTS_SEED)

release: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m tools.release "$(VERSION)"

format: $(READY)
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(READY)
	@$(BIN)/python -m benchmarks --record

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
	  --no-annotate --universal --python-version 3.11 requirements/dev.in -o requirements/lock.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate \
	  --universal --python-version 3.11 -c requirements/lock.txt requirements/image.in -o requirements/image.txt

clean:
	rm -rf .venv .dagster build .coverage .impact-in .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
