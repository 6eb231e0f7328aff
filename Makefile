# make quickstart   set up .venv, then the whole pipeline on sample data (report in quickstart_output/)
# make test         set up .venv, then the test suite
#                   (make test PYTEST_FLAGS=--cov: with branch coverage, and the floor of pyproject.toml)
# make lint         ruff: rules and format
# make typecheck    mypy
# make docs         the documentation as a website in site/, with an API reference
# make clean        remove the environments, quickstart_output/ and site/

# The first Python on the PATH that is 3.11-3.13 and can make virtual environments; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3 python; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	>/dev/null 2>&1 && { echo $$python; break; }; done)
VENV ?= .venv
RUN := $(VENV)/bin/python
OUTPUT ?= quickstart_output
PYTEST_FLAGS ?=
DOCS_VENV ?= .venv-docs

.PHONY: setup quickstart test lint typecheck docs clean

setup: $(VENV)/.ready

# The stamp holds a setup that ended well; a changed requirements.txt or an interrupted setup is done again.
$(VENV)/.ready: requirements.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 with venv on the PATH;" \
		"install one (Debian: python3-venv) or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

quickstart: setup
	$(RUN) -m bsp_tf.quickstart --output=$(OUTPUT)

test: setup
	$(RUN) -m pytest -n 2 --dist=loadfile $(PYTEST_FLAGS)

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

typecheck: setup
	$(RUN) -m mypy

$(DOCS_VENV)/.ready: requirements-docs.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

docs: $(DOCS_VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet
	@echo "the site is complete: site/index.html"

clean:
	rm -rf $(VENV) $(DOCS_VENV) $(OUTPUT) site
