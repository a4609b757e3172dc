# make run opens the app, make test passes the tests; both set everything up first. The rest is for whoever changes
# the code. PYTHON names the interpreter that makes .venv, CPU=1 takes PyTorch's smaller CPU build.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BENCHMARKS := $(wildcard benchmarks/*.py)

.DEFAULT_GOAL := help
.PHONY: help run dev setup setup-dev chromium test test-fast lint format bench docs picture clean

help:  ## list what make can do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup  ## open the app in a browser
	$(BIN)/streamlit run app.py

dev: setup  ## the same, reloading edited files and showing errors
	$(BIN)/streamlit run app.py --server.fileWatcherType auto --server.runOnSave true \
		--client.toolbarMode developer --client.showErrorDetails full

setup: $(VENV)/ready  ## create .venv and install what the app needs

setup-dev: $(VENV)/ready-dev  ## and what tests and checks need

# Tests in a browser go one by one: what they wait for is slower with another browser beside.
test: setup-dev chromium  ## every test, in a real browser too
	$(BIN)/python -m pytest -n auto -m "not browser"
	$(BIN)/python -m pytest -m browser

test-fast: setup-dev  ## the tests that need neither a browser nor long
	$(BIN)/python -m pytest -n auto -m "not browser and not slow"

lint: setup-dev  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-dev  ## mend style and format where that needs no thought
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev  ## run every benchmark; each writes its table under docs/
	@set -e; for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script; done

docs: setup  ## write the generated parts of docs/ anew
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/thumbnails.py

picture: setup-dev chromium  ## take README's pictures anew
	$(BIN)/python docs/screenshot.py

# The system's own Chromium, for the browser tests. Debian and Ubuntu only; elsewhere any Chrome on the path will do.
chromium:  ## install Debian's chromium where there is none
	@if { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then :; \
	elif command -v apt-get >/dev/null; then \
		if [ "$$(id -u)" -ne 0 ]; then sudo=sudo; fi; \
		$${sudo:-} apt-get update -q && \
		$${sudo:-} env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core; \
	else echo "The browser tests need Chromium on the path: install it, then run make test again." >&2; exit 1; fi

clean:  ## remove .venv and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files: what is up to date is not looked at again, so that make run starts at once.

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "toygan needs Python 3.11 or newer. Name one: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/ready: requirements.txt $(VENV)/created
	$(if $(CPU),$(PIP) install "$(shell grep -E '^torch==' requirements.txt)" \
		--index-url https://download.pytorch.org/whl/cpu)
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/ready-dev: requirements-dev.txt $(VENV)/ready
	$(PIP) install -r requirements-dev.txt
	@touch $@
