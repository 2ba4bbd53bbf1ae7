# Everything a person or CI does here. Each target sets itself up in .venv; only Python 3.11 or newer, make and git are
# needed. Nothing but the set-up, `make lock`, `make audit` and `make test-live` uses a network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/runtime.txt requirements/dev.txt requirements/bench.txt
UV := uv==0.13.9

# $(call install,LOCK): the pins of LOCK and flyby itself, from this checkout. Dagster starts three times faster from
# compiled modules, and PYTHONDONTWRITEBYTECODE may keep Python from compiling them on its own; the few files of other
# packages that are templates and not Python are nothing to worry about.
define install
@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes -r $(1)
@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src >/dev/null 2>&1 || true
endef

.PHONY: help
help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do printf 'make %-11s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: $(VENV)/runtime.stamp  ## the whole product on the built-in sky: no key, no network
	@$(BIN)/flyby demo

.PHONY: up
up: $(VENV)/runtime.stamp  ## Dagster's UI and daemon, the morning schedule on
	@$(BIN)/flyby up

.PHONY: test
test: style browser  ## what is checked before every change: style, types, rooms, Dagster's definitions, tests
	@$(MAKE) --no-print-directory --jobs 2 tests types definitions

# These two go on beside the tests, which keep no two processors busy all the time.
.PHONY: tests types definitions
tests: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --dist worksteal

types: $(VENV)/dev.stamp
	$(BIN)/mypy

definitions: $(VENV)/dev.stamp
	DAGSTER_HOME="$$PWD/$(VENV)/dagster" DAGSTER_DG_UPDATE_CHECK_ENABLED=0 $(BIN)/dg check defs

.PHONY: test-whole
test-whole: $(VENV)/dev.stamp  ## the demo, the documents' commands, a new project, each way to launch, kills and faults, what was recorded; CI runs it too
	$(BIN)/python -m pytest -n auto --dist worksteal -m "whole and not long"

.PHONY: test-long
test-long: $(VENV)/dev.stamp  ## the night's tests: property tests with many more examples, what takes long, a campaign of kills and faults
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n auto --dist worksteal -m "long or not long"
	$(BIN)/python -m torture --seed 1 --kills 200 --faults 1000

# The page is tested in a real browser. CI has to have one; elsewhere its tests are skipped where there is none.
.PHONY: browser
browser:
	@if [ -n "$$CI" ] && ! command -v chromium >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; fi

.PHONY: lint style
lint: style types  ## style, types and rooms alone

style: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/dev.stamp  ## put the style right where that can be done by itself
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: test-live
test-live: $(VENV)/dev.stamp  ## ask NASA itself a few questions (NASA_API_KEY, or DEMO_KEY; never in CI)
	$(BIN)/python -m pytest tests/live

# Debian may start servers of its own when it installs them; the tests leave those alone and start theirs.
.PHONY: test-scale
test-scale: $(VENV)/dev.stamp $(VENV)/scale.stamp  ## several workers on PostgreSQL and Redis, killed and restarted (installs both with apt-get)
	@{ command -v redis-server && ls -d /usr/lib/postgresql/*/bin; } >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y postgresql redis-server >/dev/null; }
	$(BIN)/python -m pytest tests/scale -n 2 --dist loadfile

.PHONY: torture
torture: $(VENV)/dev.stamp  ## a campaign of kills and faults: make torture OPTIONS='--seed 1 --kills 1000 --faults 5000', or --year, or --zones
	$(BIN)/python -m torture $(OPTIONS)

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp $(VENV)/fuzz.stamp  ## bytes against the decoders, guided by coverage, for a minute (or OPTIONS)
	$(BIN)/python tests/fuzz/decoder.py -artifact_prefix=$(VENV)/ $(or $(OPTIONS),-max_total_time=60)

.PHONY: audit
audit: $(VENV)/fuzz.stamp  ## known weaknesses of what flyby is installed with (asks the network)
	$(BIN)/pip-audit --requirement requirements/runtime.txt --no-deps --disable-pip $(OPTIONS)

.PHONY: bench
bench: $(VENV)/bench.stamp  ## flyby beside its peers, on this machine
	$(BIN)/python -m benchmarks.run

.PHONY: bench-truth
bench-truth: $(VENV)/bench.stamp  ## what is held of sources that restate, by flyby and by fixed lookbacks
	$(BIN)/python -m benchmarks.truth

.PHONY: calibration
calibration: $(VENV)/dev.stamp  ## how good JPL's ranges were, from recorded answers
	$(BIN)/python -m benchmarks.calibration

.PHONY: orbits
orbits: $(VENV)/dev.stamp  ## how exact `flyby orbit` is, from recorded answers (three minutes)
	$(BIN)/python -m benchmarks.orbits

.PHONY: replay
replay: $(VENV)/bench.stamp  ## 120 mornings with two years of history: what is held, what is missed
	$(BIN)/python -m benchmarks.replay

.PHONY: bench-scale
bench-scale: $(VENV)/scale.stamp  ## a lake and several workers, and ten times the discoveries (needs PostgreSQL)
	$(BIN)/python -m benchmarks.scale $(OPTIONS)

.PHONY: lock
lock: $(VENV)/python.stamp  ## the pins again after a change of pyproject.toml (remove requirements/*.txt first for the newest)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	$(call compile,requirements/runtime.txt,--extra notify --extra report)
	$(call compile,requirements/dev.txt,--extra dev --constraint requirements/runtime.txt)
	$(call compile,requirements/scale.txt,--extra notify --extra report --extra lake --extra scale --constraint requirements/dev.txt)
	$(call compile,requirements/bench.txt,--extra bench --constraint requirements/dev.txt)
	$(call compile,requirements/fuzz.txt,--extra fuzz --constraint requirements/bench.txt)

# $(call compile,LOCK,OPTIONS): exact pins with hashes, for every platform and every Python that pyproject.toml allows.
define compile
$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-annotate --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml requirements/lock.in $(2) --output-file $(1)
endef

.PHONY: clean
clean:  ## forget the set-up and what was built (data/ stays)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/python.stamp:
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "flyby needs Python 3.11 or newer and '$(PYTHON)' is not: try 'make PYTHON=python3.12 $(MAKECMDGOALS)'" >&2; exit 1; }
	'$(PYTHON)' -m venv $(VENV)
	@mkdir -p $(VENV)/dagster && printf 'telemetry:\n  enabled: false\n' >$(VENV)/dagster/dagster.yaml
	@touch $@

$(VENV)/%.stamp: requirements/%.txt pyproject.toml | $(VENV)/python.stamp
	@echo "setting up $(VENV) from $<; this happens once"
	$(call install,$<)
	@touch $@
