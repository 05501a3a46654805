# `make demo` and `make test` set up what they need in .venv and are quick the second time.
# The Python to use, by name or path; by default the first that fits of those on PATH.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
DJANGO := build/django
# Both names reach the environment in which pip builds a package that comes without a wheel; newer
# versions of pip read the second.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip --quiet --disable-pip-version-check
PROJECTS := $(wildcard */pyproject.toml plugins/*/pyproject.toml plugins/*/stand_in/pyproject.toml)
# All packages at once: they require each other.
PACKAGES := $(filter-out core plugins/smtp,$(PROJECTS:/pyproject.toml=))
# Those that a framework, a store or a tracer is for bring much along, and have no stand-in to show.
OPTIONAL := $(filter-out $(patsubst %/stand_in,%,$(filter %/stand_in,$(PACKAGES))),\
	$(filter-out %/stand_in,$(filter plugins/%,$(PACKAGES))))

.PHONY: help demo example test format lint types unit django architecture coverage simulate fleet outage kills bench \
	docs guides pictures prose messages changelog release-check clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo ## Send sign-in codes through each connector, on this machine alone
	@$(BIN)/passpost demo

example: $(VENV)/.dev ## Run an application in which people sign up, with its worker and servers, on this machine alone
	@cd examples/sign_up && exec ../../$(BIN)/python -m sign_up

test: lint types docs unit ## Formatting, lint, types, all tests, the examples of the pages, and the site

format: $(VENV)/.dev ## Rewrite the source in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev ## Check the format, and the rules of ruff
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev ## Check the types with mypy
	@$(BIN)/mypy

unit: $(VENV)/.dev ## Run the tests, as many at a time as there are processors
	@$(BIN)/python -m pytest --numprocesses=auto

# It needs another Python than the rest may have: Django 6.1 runs on 3.12 and newer.
django: ## Run the tests of passpost-django on Django 6.1: make PYTHON=python3.13 django
	@$(or $(PYTHON),python3.12) -m venv --clear $(DJANGO)
	@sed 's/^Django==.*/Django==6.1.3/' constraints.txt >$(DJANGO)/constraints.txt
	@$(DJANGO)/bin/python -m pip --quiet --disable-pip-version-check install \
		--constraint $(DJANGO)/constraints.txt pytest --editable core --editable plugins/smtp \
		--editable tools --editable templates --editable cli --editable testing --editable 'plugins/django[allauth]'
	@$(DJANGO)/bin/python -m pytest plugins/django

architecture: $(VENV)/.dev ## Check the layers of imports, and show them
	@$(BIN)/lint-imports --no-logo --no-cache
	@sed -n '/^```text /,/^```$$/{/^```/!p;/^```$$/s/.*//p;}' CONTRIBUTING.md

coverage: $(VENV)/.dev ## All tests with branch coverage, and what they leave out
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered

simulate: $(VENV)/.dev ## Send 100,000 emails through connectors that fail in every way, in virtual time
	@$(BIN)/python core/tests/policy/simulation.py 100000

outage: $(VENV)/.dev ## Stop, kill and pause a Postfix under load, and count what arrives
	@$(BIN)/python bench/outage_postfix.py

kills: $(VENV)/.dev ## Kill a batch at 200 random moments, and check that each email is sent once
	@PASSPOST_BATCH_KILLS=200 $(BIN)/python -m pytest --numprocesses=auto tests/test_batch_kills.py

# The last one takes hours: a part of it is asked for by FLEET, such as FLEET=celery+redis.
fleet: $(VENV)/.dev ## Ask 16 processes for 10,000 emails of each store; then faults of workers, brokers and stores
	@PASSPOST_FLEET=16x10000 $(BIN)/python -m pytest plugins/redis/tests/test_fleet.py -k one_email
	@PASSPOST_FLEET=16x10000 $(BIN)/python -m pytest plugins/outbox/tests/test_redis.py -k many_processes
	@PASSPOST_FLEET=16x10000 $(BIN)/python -m pytest plugins/outbox/tests/test_postgres_faults.py -k several_processes
	@PASSPOST_FLEET=1 $(BIN)/python -m pytest plugins/celery/tests/test_conformance.py
	@PASSPOST_FLEET=4x20000 $(BIN)/python -m pytest --capture=no tests/fleet -k '$(or $(FLEET),fleet)'

bench: $(VENV)/.dev ## Run the benchmarks against the peers
	@for script in bench/bench_*.py; do \
		echo "== $$script"; $(BIN)/python $$script || echo "(exit status $$?)"; done

docs: $(VENV)/.dev ## Build the documentation as a site, in build/site
	@$(BIN)/python docs/build_site.py

guides: $(VENV)/.dev ## Rewrite what is generated in guides and pages: tables, common parts, outputs, pictures
	@$(BIN)/python -m passpost_cli.scaffold plugins/*
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/pictures/draw.py

pictures: $(VENV)/.dev ## Take the pictures of the ready-made templates and of the console again, with Chromium
	@PASSPOST_PICTURES=docs/pictures $(BIN)/python -m pytest --quiet -k picture \
		templates/tests/test_in_a_browser.py plugins/console/tests/test_looks.py

prose: $(VENV)/.dev ## Check the words of everything that is read against docs/prose.toml
	@$(BIN)/python docs/check_prose.py

messages: $(VENV)/.dev ## Bring the catalogs of translations up to date, and count what they lack
	@$(BIN)/python release/messages.py

changelog: $(VENV)/.dev ## Move the fragments of changes/ into CHANGELOG.md
	@$(BIN)/python release/changelog.py

release-check: $(VENV)/.dev ## Build all packages, install them into empty environments, and try them
	@$(BIN)/python release/check.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# The build backend is pinned and installed first, so that no build fetches another version of it.
$(VENV)/.backend: constraints.txt
	@[ ! -L $(VENV) ] || { echo '$(VENV) is a link: this would empty what it points to' >&2; exit 1; }
	@python=$$($(FIND_PYTHON)) && [ -n "$$python" ] || { echo \
		'passpost needs Python 3.11 to 3.14 with venv and pip (Debian: apt-get install python3-venv);' \
		'if yours is not on PATH: make PYTHON=/path/to/python3' >&2; exit 1; }; \
	"$$python" -m venv --clear $(VENV)
	@$(PIP) install hatchling editables
	@touch $@

# A name on PATH need not run (a version manager's shim) and may lack what makes a virtual environment.
FIND_PYTHON = for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	2>/dev/null && command -v "$$python" && break; done

# Without build isolation for what is here alone: its backend is there already.
$(VENV)/.demo: $(VENV)/.backend $(PROJECTS)
	@$(PIP) install --no-build-isolation \
		--editable 'core[http]' --editable plugins/smtp \
		$(addprefix --editable ,$(filter-out $(OPTIONAL),$(PACKAGES)))
	@touch $@

$(VENV)/.dev: $(VENV)/.backend $(PROJECTS) requirements-dev.txt
	@$(PIP) install --requirement requirements-dev.txt
	@$(PIP) install --no-build-isolation \
		--editable 'core[http]' --editable 'plugins/smtp[oauth2]' $(addprefix --editable ,$(PACKAGES))
	@touch $@ $(VENV)/.demo
