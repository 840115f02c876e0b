# The project's commands. `make run` is all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Not quiet: a minute without a word looks like a fault.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes
# `make requirements UPGRADE=--upgrade` takes the newest of everything.
UPGRADE ?=
# Tests start Python a thousand times: what it has compiled once is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# `make smoke URL=… KEY=…`; without them, the box that `make run` started here.
URL ?= http://127.0.0.1:7071
KEY ?= $(or $(BOX_KEY),$(shell cat .box/api_key 2>/dev/null))
# More for it: SMOKE="--json --hold 10".
SMOKE ?=

.PHONY: run link smoke test test-tools test-newest test-long coverage durability check demo samples install corpus bench licences requirements infra-check vendor docs clean

run: $(VENV)/.installed ## Start the embedded host on http://127.0.0.1:7071
	@exec $(BIN)/python -m shared run

demo: $(VENV)/.installed ## Assistant, thread, message, run, poll: against a running host, or one of its own
	@$(BIN)/python -m shared demo

link: $(VENV)/.installed ## A link that signs in to the page of the box that runs, once
	@$(BIN)/python -m shared link

# `:=`, since KEY may come from BOX_KEY itself.
smoke: export BOX_KEY := $(KEY)
smoke: $(VENV)/.installed ## A client's whole story against the box at URL, with KEY: three minutes
	@$(BIN)/python -m shared.smoke --url "$(URL)" $(SMOKE)

samples: $(VENV)/.installed ## Install the sample assistants into a running host
	@$(BIN)/python -m shared samples install

install: $(VENV)/.installed

test: $(VENV)/.installed-dev ## The whole suite
	@tests/install-node-packages.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-tools: ## What the tests want beyond Python: bubblewrap, Chromium and its driver, Node and its packages
	@.ci/install-system

test-newest: $(VENV)/.installed-dev ## The suite with the newest libraries that pyproject.toml allows; once in a while
	@.ci/venv .venv-newest $(BIN)/python given
	@$(BIN)/uv pip install --quiet --upgrade --python .venv-newest --requirement pyproject.toml --group dev
	@tests/install-node-packages.sh
	.venv-newest/bin/python -m pytest -n 2 --dist worksteal -m "not long"

coverage: $(VENV)/.installed-dev ## What the suite runs of the code, in its own process; a report, not a bar
	$(BIN)/python -m pytest -m "not long" --cov --cov-report=term:skip-covered --cov-report=html tests/unit tests/contract tests/api

test-long: $(VENV)/.installed-dev ## What takes too long for every change: matrices, large bodies
	@tests/install-node-packages.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal -m long

durability: $(VENV)/.installed-dev ## Kill hosts under 100 runs in each mode; a quarter of that is part of `make test`
	@tests/install-node-packages.sh
	DURABILITY_RUNS=100 $(BIN)/python -m pytest tests/durability

check: $(VENV)/.installed-dev ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

corpus: $(VENV)/.installed-dev ## What the readers find in tests/corpus; AGAINST=v0.1.0 shows those of a revision beside
	@$(BIN)/python -m tests.corpus $(AGAINST)

bench: $(VENV)/.installed-dev ## Measure; prints a table, writes JSON to bench/results
	$(BIN)/python -m bench

$(VENV)/.installed: $(VENV)/pyvenv.cfg requirements.txt requirements-sandbox.txt
	@echo "Installing (about a minute the first time) ..."
	@$(PIP) --requirement requirements.txt --requirement requirements-sandbox.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@$(PIP) --requirement requirements.txt --requirement requirements-dev.txt
	@touch $@

$(VENV)/pyvenv.cfg: always
	@.ci/venv $(VENV) $(PYTHON) $(if $(filter file,$(origin PYTHON)),,given)

.PHONY: always

infra-check: $(VENV)/.installed-dev ## All offline checks of the deployment
	$(BIN)/python -m pytest tests/infra

vendor: ## Build shared/web/vendor, the page's libraries, from the packages that web/package.json names
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && node build.js

docs: $(VENV)/.installed-dev ## Write the generated pages of docs/ and local.settings.json.example
	@$(BIN)/python -m docs.build

licences: $(VENV)/.installed-dev ## The licence of every package; fails on one that is not allowed
	@$(BIN)/python .ci/licences.py

requirements: $(VENV)/.installed-dev ## Compile the ranges of pyproject.toml into requirements*.txt
	@.ci/requirements $(BIN)/uv $(UPGRADE)

clean:
	rm -rf $(VENV) .venv-newest .box
