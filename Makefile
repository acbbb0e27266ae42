# Everything that is done with a checkout: set it up, show it, test it. `make help` lists it.

# Python 3.11 first: the CIRCT wheel, an oracle of some tests, exists up to there.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BIN := .venv/bin
STAMP := .venv/.installed
# Extras of the package; EXTRAS=test,train adds torch and its tests.
EXTRAS ?= test

.PHONY: help env demo test lint docs clean

help:
	@echo 'make env    create .venv with everything that demo and tests need'
	@echo 'make demo   the whole way with a small network: compile, run, verify, report, synthesise'
	@echo 'make test   lit and pytest'
	@echo 'make lint   ruff'
	@echo 'make docs   write the generated pages in docs/ anew'
	@echo 'make clean  remove what the others made, .venv included'

env: $(STAMP)

$(STAMP): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'error: Python 3.11 or newer is needed; say make PYTHON=...' >&2; exit 1; }
	@echo 'setting up .venv from PyPI, a minute or two ...'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

demo: env
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tools/demo.sh

# pytest comes last: its closing line is the summary that people and CI look for. Tests of a file share
# a process, so that what they have in common (networks, simulators) is made once.
test: env
	$(BIN)/lit -j$(JOBS) --succinct --verbose lit_tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: env
	$(BIN)/python tools/gen_docs.py
	$(BIN)/python tools/bad_input_table.py

clean:
	rm -rf .venv build demo_build lit_tests/Output .pytest_cache .ruff_cache .hypothesis snnir.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
