# Newsreel from a checkout. `make` lists what there is; README.md says what each needs.
# ARGS is passed on: make demo ARGS=--again, make test ARGS='tests/stores -q'.

SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin

.PHONY: help setup demo test check format notebook cluster-test browser-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## bring what is missing: Java, uv, the Python packages, Spark's jars
	@bin/setup

demo: setup ## the main job on a real video, end to end
	@$(BIN)/newsreel demo $(ARGS)

test: setup ## all tests
	@$(BIN)/pytest $(ARGS)

check: setup ## format, lint, types, layering
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into its format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

notebook: setup ## docs/notebooks/lake.ipynb anew, on made days and a real ingest
	@$(BIN)/python -m newsreel.notebook $(ARGS)

cluster-test: setup ## the same ingest with Spark here and on a cluster of two workers: the same rows
	@$(BIN)/pytest tests/e2e/on_a_cluster.py $(ARGS)

browser-test: setup ## the watch page in headless Chromium (Debian: chromium, chromium-driver)
	@$(BIN)/pytest tests/streaming/api/videos/watch_in_chromium.py $(ARGS)
