# One word for each thing a person does here; CI runs the same ones.
VENV ?= .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
# The first Python that is new enough; name one yourself with PYTHON=/path/to/python.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BOOTSTRAP = $(PYTHON) scripts/bootstrap.py $(VENV)
# Checks look at an installation that serves https, in a data directory of their own.
CHECKED := ALICE_DATA_DIR=$(VENV)/checked ALICE_PUBLIC_URL=https://alice.example

# A file's tests share what they start, so that a process takes a whole file; more than two would
# start more servers at once than most machines like.
SHARED := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help python install install-dev start stop dev doctor test test-long coverage lint format bench clean

help: ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

python:
	@$(if $(PYTHON),:,echo "ALICE needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || echo none)."; \
	echo "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python),"; \
	echo "or name one: make start PYTHON=/path/to/python3.11"; exit 1)

install: python ## Make .venv and install what a server needs
	@$(BOOTSTRAP) requirements.txt

install-dev: python
	@$(BOOTSTRAP) requirements/dev.txt

start: install ## Start the server; BACKGROUND=1 returns when it is up
	@$(MANAGE) serve --first-light $(if $(BACKGROUND),--background)

stop: ## Stop a server that runs in the background
	@$(MANAGE) stop

dev: install-dev ## Start the server; web and worker restart when a source changes
	@$(MANAGE) serve --first-light --reload

doctor: install ## Look for what is wrong with this installation
	@$(MANAGE) doctor

test: install-dev ## Run the test suite; ARGS="tests/accounts -x" narrows it
	@$(BIN)/python -m pytest $(SHARED) $(ARGS)

test-long: install-dev ## The campaigns of many minutes as well
	@$(BIN)/python -m pytest $(SHARED) -m "not gpu" $(ARGS)

coverage: install-dev ## The test suite under coverage
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

lint: install-dev ## Style, types, import contracts, migrations, deployment checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check $$(git ls-files '*.html')
	$(BIN)/typos
	$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)
	$(BIN)/lint-imports
	$(CHECKED) $(MANAGE) makemigrations --check
	$(CHECKED) $(MANAGE) check --deploy --fail-level WARNING
	$(BIN)/mypy .

format: install-dev ## Put the sources into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade $$(git ls-files '*.html')

bench: install-dev ## Measure; ONE=bench/overhead.py runs a single script
	@for script in $(or $(ONE),$$(grep -l __main__ bench/*.py)); do \
		echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean: ## Remove .venv, caches and reports; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
