# Two commands: `make app` and `make test`. Each installs what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help app install test check format bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

app: $(STAMP) ## open the app at http://127.0.0.1:8501 (PORT=… for another)
	@$(BIN)/embtune serve --port $(PORT)

install: $(STAMP) ## set up .venv with everything the app needs

test: $(DEV_STAMP) ## run all tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(DEV_STAMP) ## format, lint and types, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(DEV_STAMP) ## format and sort imports
	@$(BIN)/ruff check --fix --select I . && $(BIN)/ruff format .

bench: $(DEV_STAMP) ## run the benchmarks (DATA=folder with ag_news_seed and banking77; long)
	@$(BIN)/python benchmarks/encode.py --data $(DATA)
	@$(BIN)/python benchmarks/umap_speed.py --data $(DATA)
	@$(BIN)/python benchmarks/seed_table.py --data $(DATA)
	@$(BIN)/python benchmarks/seed_table.py --data $(DATA) --unseen
	@$(BIN)/python benchmarks/few_labels.py --data $(DATA) --sizes 16,100 --seeds 2 --baselines lr,propagation
	@$(BIN)/python benchmarks/banking77.py --data $(DATA) --per-class 5 --seeds 2 --baselines lr,propagation
	@$(BIN)/python benchmarks/notebook_way.py --data $(DATA)
	@$(BIN)/python benchmarks/pages.py --data $(DATA)
	@$(BIN)/python benchmarks/records_page.py

clean: ## remove .venv and caches (labels and models in EMBTUNE_HOME stay)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

say = { echo; echo "embtune: $(1)"; exit 1; }

$(STAMP): requirements.txt requirements-quaterion.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || $(call say,needs Python 3.11 or newer; $(PYTHON) is older or absent. Try: make PYTHON=python3.12 $(MAKECMDGOALS))
	@echo "embtune: setting up $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } \
	  || $(call say,could not make $(VENV). On Debian: apt-get install python3-venv)
	@echo "  1 of 4  torch"
	@$(PIP) "$$(grep -E '^torch==' requirements.txt)" \
	  || $(call say,installing torch failed. Check the network and the free disk (3 GB) and run the same command again.)
	@echo "  2 of 4  the packages of requirements.txt"
	@$(PIP) -r requirements.txt \
	  || $(call say,installing requirements.txt failed. The lines above name the package; run the same command again.)
	@echo "  3 of 4  Quaterion"
	@$(PIP) --no-deps --ignore-requires-python -r requirements-quaterion.txt \
	  || $(call say,installing Quaterion failed. Check the network and run the same command again.)
	@echo "  4 of 4  embtune"
	@$(PIP) --no-deps --editable . \
	  || $(call say,installing embtune itself failed. The lines above say why.)
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.txt
	@$(PIP) -r requirements-dev.txt \
	  || $(call say,installing requirements-dev.txt failed. Check the network and run the same command again.)
	@touch $@
