# make quickstart   a first dataset, from nothing: sets up .venv, runs recipes/quickstart.yaml
# make test         the test-suite
# make check        ruff, formatting, types

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Only the library of llama.cpp is needed, not its tools; it compiles from source, once.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

.PHONY: quickstart test check format constraints clean

quickstart: $(VENV)/.ready
	$(BIN)/infogap run recipes/quickstart.yaml

test: $(VENV)/.ready
	$(BIN)/python -m pytest

check: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Pins what is installed now, for everybody; review the difference before committing it.
constraints: $(VENV)/.ready
	$(BIN)/python -m pip freeze --exclude-editable --exclude infogap > constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV); llama.cpp compiles from source, which takes some minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[embedded,dev]'
	@touch $@
