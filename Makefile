# `make demo` and `make test` set up what they need, once, in .venv of this checkout; `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
PRISM := $(VENV)/.installed-prism

# Tests start the program many times: each start would compile it anew where an image or a shell forbids to keep that.
unexport PYTHONDONTWRITEBYTECODE

# Tests run four at a time on two cores: nearly half of their time is waiting. A worker that is done takes over tests of another.
TOGETHER ?= -n 4 --dist worksteal

# The first of these that runs and is 3.11 to 3.14 is taken; name another with `make PYTHON=/path/to/python demo`.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
SYSTEM := $(if $(PYTHON),,/usr/bin/python3 /usr/local/bin/python3)
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
# Where a system ships venv without ensurepip, its own pip fills the new one.
MAKE_VENV := "$$found" -m venv --clear $(VENV) >/dev/null 2>&1 || { "$$found" -m venv --clear --without-pip $(VENV) && \
    "$$found" -m pip --quiet --python $(BIN)/python install pip; }
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv --quiet
# The versions that are installed: those of the lock file, but for `make lowest`.
PINS := requirements-dev.txt
EXTRA := dev
LOWEST_TESTS := tests/spec_language tests/partner_spec tests/request tests/response tests/transactions tests/sandbox \
    tests/reports/test_formats.py tests/reports/test_rows.py tests/reports/test_run_report.py tests/reports/test_html.py \
    tests/reports/test_junit.py tests/reports/test_har.py tests/reports/test_markdown.py tests/reports/test_eml.py \
    tests/reports/test_contact_letter.py tests/reports/test_brief.py tests/reports/test_person_lookup.py \
    tests/commands/test_main_job.py tests/commands/test_render.py tests/commands/test_sandbox.py \
    tests/commands/test_sandbox_target.py tests/commands/test_test.py \
    tests/commands/test_authentication.py tests/commands/test_terminal.py

.DEFAULT_GOAL := help
.PHONY: help demo test prism lint bench measure soak lowest try-lowest lock schema docs clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(RUN) ## run the main job against the sandbox: no partner, no secrets
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/demo.sh

test: $(DEV) prism ## run the tests; ARGS="-k journal -x" chooses
	$(BIN)/python -m pytest $(TOGETHER) $(ARGS)

lint: $(DEV) ## style, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: ## measure, with the fastest Python here: a row's cost, whole runs beside other tools; ARGS="--quick" for a look
	@fastest=$$(sh scripts/fastest_python.sh $(CANDIDATES) $(SYSTEM)) && \
	$(MAKE) --no-print-directory VENV=.venv-bench PYTHON="$$fastest" measure

measure: $(DEV)
	$(BIN)/python -m pytest -o addopts= -q --benchmark-only --benchmark-columns=min,median,max,rounds tests/benchmarks
	$(BIN)/python -m bench $(ARGS)

soak: $(DEV) ## run the long proofs, and properties with many more examples
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile=soak $(ARGS)

lowest: ## try the lowest versions that pyproject.toml admits, in .venv-lowest
	@for python in $(or $(PYTHON),python3.11 python3.12 python3.13 $(CANDIDATES)); do \
	    if "$$python" -c '$(SUITABLE)' >/dev/null 2>&1; then oldest=$$python; break; fi; \
	done; \
	mkdir -p build && "$$oldest" scripts/lowest.py > build/lowest.txt && \
	$(MAKE) --no-print-directory VENV=.venv-lowest PYTHON="$$oldest" PINS=build/lowest.txt EXTRA=test try-lowest

try-lowest: $(DEV)
	$(BIN)/python -m pytest $(TOGETHER) $(LOWEST_TESTS) $(ARGS)

lock: $(DEV) ## write requirements-dev.txt anew: the versions that tests and lints are set up with
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --upgrade --no-emit-index-url \
	    --no-annotate --custom-compile-command 'make lock' --output-file $(PINS) pyproject.toml

schema: $(RUN) ## write the spec's JSON Schema anew
	$(BIN)/rokt-export schema > docs/partner-spec.schema.json.new
	mv docs/partner-spec.schema.json.new docs/partner-spec.schema.json

docs: $(DEV) ## write docs/commands.md and the outputs in the README anew, from the commands themselves
	$(BIN)/python scripts/commands_page.py
	$(BIN)/python scripts/tour.py

clean: ## remove what these targets made; the next one sets up anew
	rm -rf $(VENV) .venv-bench .venv-lowest build dist .bench .benchmarks .demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find rokt_export tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A mock partner that nobody here wrote. Without npm, or without a network the first time, its tests are skipped, but not in CI.
prism: $(DEV)
	@[ -f $(PRISM) ] || { echo "Setting up Prism, a mock partner" && \
	    npm install --silent --no-audit --no-fund --prefix $(VENV)/prism @stoplight/prism-cli@5.14.2 && touch $(PRISM); } || \
	    echo "Prism was not set up; the tests against it are skipped. They need npm."

# pip finds what is installed already without asking its index, so a later `make` works offline.
$(DEV): $(RUN)
	@echo "Setting up what tests and lints need"
	@$(PIP) install --no-build-isolation --constraint $(PINS) --editable '.[$(EXTRA)]'
	@touch $@

$(RUN): pyproject.toml $(PINS)
	@for python in $(CANDIDATES); do \
	    if "$$python" -c '$(SUITABLE)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "rokt-export is set up with Python 3.11 to 3.14. Tried:" >&2; \
	    for python in $(CANDIDATES); do \
	        echo "  $$python: $$("$$python" --version 2>&1 | head -n 1 || true)" >&2; \
	    done; \
	    echo "Install one of them, or name it: make PYTHON=/path/to/python3.14 $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version), once"; \
	$(BIN)/python -c '$(SUITABLE)' 2>/dev/null && [ -z "$(PYTHON)" ] || $(MAKE_VENV)
	@$(PIP) install 'hatchling>=1.25' editables
	@$(PIP) install --no-build-isolation --constraint $(PINS) --editable .
	@touch $@
