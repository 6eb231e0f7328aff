# make quickstart   set up .venv, then the whole pipeline on sample data (report in quickstart_output/)
# make test         set up .venv, then the test suite
#                   (make test PYTEST_FLAGS=--cov: with branch coverage, and the floor of pyproject.toml)
# make test-all     the same and the tests marked `thorough`: what takes long and proves again, in another combination
# make fuzz         the readers of files with very many damaged files (FUZZ_FLAGS="--readers=HDF5 --files=1000000"),
#                   then each property with many inputs (EXAMPLES=2000)
# make lint         ruff: rules and format
# make typecheck    mypy
# make docs         the documentation as a website in site/, with an API reference
# make clean        remove the environments, the outputs of quickstart and site/
#
# On the older stack (TensorFlow 2.15, tensorflow-io, tensorflow-addons; Python 3.11 only), in .venv-tf215:
# make quickstart STACK=tf215, make test-tf215, make setup-tf215

STACK ?= tf221
ifeq ($(STACK),tf221)
VENV ?= .venv
OUTPUT ?= quickstart_output
REQUIREMENTS := requirements.txt
VERSIONS := 3.12 3.11 3.13
OTHER_VENV := .venv-tf215
else ifeq ($(STACK),tf215)
VENV ?= .venv-tf215
OUTPUT ?= quickstart_output_tf215
REQUIREMENTS := requirements-tf215.txt
VERSIONS := 3.11
OTHER_VENV := .venv
else
$(error STACK=$(STACK) is none: give tf221 or tf215)
endif

# The first Python on the PATH that is of these versions and can make virtual environments; PYTHON=... chooses another.
PYTHON ?= $(shell for python in $(VERSIONS:%=python%) python3 python; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv)' $(VERSIONS) \
	>/dev/null 2>&1 && { echo $$python; break; }; done)
RUN := $(VENV)/bin/python
PYTEST_FLAGS ?=
EXAMPLES ?= 2000
DOCS_VENV ?= .venv-docs

.PHONY: setup setup-tf215 quickstart test test-all test-tf215 fuzz lint typecheck docs clean

setup: $(VENV)/.ready

# The stamp holds a setup that ended well; changed requirements or an interrupted setup are done again.
$(VENV)/.ready: $(REQUIREMENTS)
	@test -n "$(PYTHON)" || { echo "error: no Python of the versions $(VERSIONS) with venv on the PATH;" \
		"install one (Debian: python3-venv) or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

quickstart: setup
	$(RUN) -m bsp_tf.quickstart --output=$(OUTPUT)

# Where both stacks are there, tests/two_stacks_test.py crosses from one to the other.
test: export BSP_TF_OTHER_STACK ?= $(patsubst %/.ready,$(CURDIR)/%/bin/python,$(wildcard $(OTHER_VENV)/.ready))
test: setup
	$(RUN) -m pytest -n 2 --dist=loadfile $(PYTEST_FLAGS)

test-all:
	$(MAKE) test PYTEST_FLAGS='-m "" $(PYTEST_FLAGS)'

setup-tf215 test-tf215:
	$(MAKE) $(@:-tf215=) STACK=tf215

fuzz: setup
	$(RUN) -m tests.fuzz $(FUZZ_FLAGS)
	BSP_TF_EXAMPLES=$(EXAMPLES) $(RUN) -m pytest -m hypothesis -n 2 --dist=loadfile

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
	rm -rf .venv .venv-tf215 $(VENV) $(DOCS_VENV) quickstart_output quickstart_output_tf215 $(OUTPUT) site
