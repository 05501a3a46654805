# `make demo` and `make test` set up what they need in .venv and are quick the second time.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PROJECTS := $(wildcard core/pyproject.toml plugins/*/pyproject.toml)
PLUGINS := $(patsubst %/pyproject.toml,%,$(filter plugins/%,$(PROJECTS)))

.PHONY: help demo test format lint types unit coverage bench guides clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## Send sign-in codes through each connector, on this machine alone
	@$(BIN)/passpost demo

test: lint types unit ## Formatting, lint, types, all tests and the examples of the documentation

format: $(VENV)/.dev ## Rewrite the source in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

unit: $(VENV)/.dev
	@$(BIN)/python -m pytest --numprocesses=auto

coverage: $(VENV)/.dev ## All tests with branch coverage, and what they leave out
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered

bench: $(VENV)/.dev ## Run the benchmarks against the peers
	@for script in bench/bench_*.py; do \
		echo "== $$script"; $(BIN)/python $$script || echo "(exit status $$?)"; done

guides: $(VENV)/.dev ## Rewrite the reference tables of the guides from the config classes
	@$(BIN)/python docs/update_guides.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# The build backend is pinned and installed first, so that no build fetches another version of it.
$(VENV)/.backend: constraints.txt
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt hatchling editables
	@touch $@

$(VENV)/.demo: $(VENV)/.backend $(PROJECTS)
	@$(PIP) install --constraint constraints.txt --no-build-isolation \
		--editable 'core[demo,http]' $(addprefix --editable ,$(PLUGINS))
	@touch $@

$(VENV)/.dev: $(VENV)/.backend $(PROJECTS) requirements-dev.txt
	@$(PIP) install --constraint constraints.txt --requirement requirements-dev.txt
	@$(PIP) install --constraint constraints.txt --no-build-isolation \
		--editable 'core[demo,http,testing]' --editable 'plugins/smtp[oauth2]' \
		$(addprefix --editable ,$(filter-out plugins/smtp,$(PLUGINS)))
	@touch $@ $(VENV)/.demo
