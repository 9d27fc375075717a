# Each command does its own set-up. Nothing else is needed than Python 3.11 to 3.13 and a
# package index.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Tests run side by side; two is what a laptop and CI have.
JOBS ?= 2

.PHONY: help demo serve docs test check format clean

help:
	@echo 'make demo    train a small SRGAN, measure it, write out/demo/report.html'
	@echo 'make serve   the website: upload, upscale, compare, download'
	@echo 'make docs    the documents as pages: site/index.html'
	@echo 'make test    run the tests'
	@echo 'make check   lint, formatting, types'
	@echo 'make format  apply the formatting'
	@echo 'make clean   remove the environment and all outputs'

# A stamp for each set of dependencies: an install happens once, and again when the
# lists change.
$(VENV)/.run: requirements.txt pyproject.toml
	@test -n '$(PYTHON)' || { echo 'jsr needs Python 3.11, 3.12 or 3.13'; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.web: $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[web,onnx]'
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@

demo: $(VENV)/.run
	$(BIN)/jsr demo -o out/demo

serve: $(VENV)/.web
	$(BIN)/jsr serve

# Material's notice about MkDocs 2 is known; see pyproject.toml.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'open site/index.html, or see it with its search: $(BIN)/mkdocs serve'

# The website's tests run on SQLite, and on PostgreSQL where Debian's is installed.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --durations=60
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	  JSR_TEST_DATABASE=postgresql \
	  $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal tests/web; \
	else echo 'no PostgreSQL here: the website was tested on SQLite only'; fi

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) out site .pytest_cache .mypy_cache .ruff_cache build *.egg-info
