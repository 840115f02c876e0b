# The project's commands. `make run` is all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-long durability check demo samples install bench licences requirements infra-check docs clean

run: $(VENV)/.installed ## Start the embedded host on http://127.0.0.1:7071
	@exec $(BIN)/python -m shared run

demo: $(VENV)/.installed ## Assistant, thread, message, run, poll: against a running host, or one of its own
	@$(BIN)/python -m shared demo

samples: $(VENV)/.installed ## Install the sample assistants into a running host
	@$(BIN)/python -m shared samples install

install: $(VENV)/.installed

test: $(VENV)/.installed-dev ## The whole suite
	@tests/install-node-packages.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-long: $(VENV)/.installed-dev ## What takes too long for every change: matrices, large bodies
	@tests/install-node-packages.sh
	$(BIN)/python -m pytest -m long

durability: $(VENV)/.installed-dev ## Kill hosts under 100 runs in each mode; a quarter of that is part of `make test`
	@tests/install-node-packages.sh
	DURABILITY_RUNS=100 $(BIN)/python -m pytest tests/durability

check: $(VENV)/.installed-dev ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

bench: $(VENV)/.installed-dev ## Measure; prints a table, writes JSON to bench/results
	$(BIN)/python -m bench

$(VENV)/.installed: pyproject.toml requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt --group sandbox
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

infra-check: $(VENV)/.installed-dev ## All offline checks of the deployment
	$(BIN)/python -m pytest tests/infra

docs: $(VENV)/.installed-dev ## Write the generated pages of docs/ and local.settings.json.example
	@$(BIN)/python -m docs.build

licences: $(VENV)/.installed-dev ## The licence of every package; fails on one that is not allowed
	@$(BIN)/python .ci/licences.py

requirements: ## Write requirements.txt from pyproject.toml
	@$(BIN)/python .ci/requirements.py

clean:
	rm -rf $(VENV) .box
