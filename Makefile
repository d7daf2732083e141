# Every target does its own set-up: a fresh machine needs Python >= 3.10 and make, nothing else.
# What the product needs and what its developers need are installed apart, so that `make demo` starts soon.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
PYTEST_OPTIONS ?=
SCENARIO ?=
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

demo: $(VENV)/.installed  ## diagnose a gateway that is broken on purpose (SCENARIO=name for another one)
	@$(BIN)/grpcdoctor demo $(SCENARIO)

test: $(VENV)/.installed-dev  ## the whole test suite; what needs a program you lack is skipped and named
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_OPTIONS)

lint: $(VENV)/.installed-dev  ## style, types, and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench  ## speed, connections and memory, measured against grpcurl
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.installed  ## write the generated pages anew (docs/rules/README.md)
	@$(BIN)/python -m docs.build

clean:  ## remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# pip is the last thing that `python -m venv` writes: a half-made environment is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is older than 3.10; name a newer one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	@echo "Installing grpcdoctor into $(VENV) (about a minute, and only now and when pyproject.toml changes) …" >&2
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/pip
	@echo "Installing grpcdoctor and its developers' tools into $(VENV) (about a minute, and only now and when pyproject.toml changes) …" >&2
	@$(INSTALL) --editable '.[lab,dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@$(INSTALL) --editable '.[bench]' || echo "grpcurl could not be installed; the benchmark takes the one on the PATH" >&2
	@touch $@
