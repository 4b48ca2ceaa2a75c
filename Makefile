# Newsreel in a checkout. `make` lists the targets; README.md lists what they need.
# ARGS is appended to the command: make demo ARGS=--again, make test ARGS='tests/stores -q'.

SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
# Not more: tests of stacks and JVMs keep the cores busy, and run into their time limits.
WORKERS := $(shell nproc)
# SPT_NOENV: xdist's process titles leave /proc/PID/environ alone, by which .ci/run finds what it started.
PYTEST := SPT_NOENV=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile

.PHONY: help setup demo test test-fast check format notebook cluster-test browser-test

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: Java, uv, the Python packages, Spark's jars
	@bin/setup

demo: setup ## run the main job on a real video, end to end
	@$(BIN)/newsreel demo $(ARGS)

test: setup ## run all tests
	@$(PYTEST) $(ARGS)

test-fast: setup ## run the tests that need neither a JVM nor the stack
	@$(PYTEST) -m 'not slow' $(ARGS)

check: setup ## check format, lint, types, layering, language, places of tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/language.py
	$(BIN)/python .ci/test_places.py

format: setup ## format the code and apply ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

notebook: setup ## execute docs/notebooks/lake.ipynb on synthetic days and a real ingest
	@$(BIN)/python -m newsreel.notebook $(ARGS)

cluster-test: setup ## compare the rows of an ingest with local Spark and with a cluster of two workers
	@$(BIN)/pytest tests/e2e/on_a_cluster.py $(ARGS)

browser-test: setup ## test the watch and share pages in headless Chromium (Debian: chromium, chromium-driver)
	@$(BIN)/pytest tests/streaming/api/videos/watch_in_chromium.py tests/streaming/api/videos/share_in_chromium.py $(ARGS)
