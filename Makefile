# The commands of this project; each is a line that a person could type.
# `make demo` and `make test` set up all that they need. `make help` lists the rest.

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHAT_PINS := pyproject.toml requirements.lock
READY := $(VENV)/.ready-$(shell cat $(WHAT_PINS) | sha256sum | cut -c1-12)
FAST := tests/unit tests/conformance
MEANWHILE := .meanwhile.log
AGAIN := $(MAKE)
AT_ONCE ?= 2

.NOTPARALLEL:
.PHONY: help setup demo check lint types layers unit hostile test test-browser test-apiserver test-engine test-e2e cluster bench generate format lock clean-cluster clean

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(READY):
	@echo "==> Python environment (1.6 GB; a minute or a few the first time)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	rm -f $(VENV)/.ready-*
	touch $@

setup: $(READY)  ## Make the Python environment

demo: setup  ## A cluster, the operator on it, a tuned model: about 20 minutes the first time, then under two
	$(BIN)/python tools/demo.py

check: setup  ## The fast part of the tests: lint, types, layers, unit, conformance
	$(MAKE) lint types layers unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy crds operator trial_image cli dev/embedded tools bench

layers: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest -q -n 2 -m 'not torch' $(FAST)

hostile: setup  ## Ten thousand hostile experiments; `check` takes a tenth of them
	LUTHIER_HOSTILE_EXAMPLES=10000 $(BIN)/pytest -q -n 2 tests/unit/operator/test_hostile_manifests.py

# What the real-cluster tests need is built while the others wait for something. It yields to them, and is in a
# group of processes of its own, which ends with the tests. What it starts (the cluster) does not yield.
# $(AGAIN) and not $(MAKE), which `make -n test` would run.
test:  ## Every test there is, the real-cluster ones too
	@echo "==> The cluster and its images are made meanwhile: $(MEANWHILE)"
	set -m
	{ nice -n 19 $(PYTHON) tools/build.py && $(AGAIN) cluster; } > $(MEANWHILE) 2>&1 &
	set +m
	trap 'kill -- -$$! 2> /dev/null || true' EXIT
	$(AGAIN) check hostile test-browser test-engine test-apiserver
	wait $$! || { cat $(MEANWHILE); exit 1; }
	$(AGAIN) test-e2e

test-apiserver: setup  ## Tests against a real API server and Helm, no pods
	dev/cluster build --only kube --only helm
	$(BIN)/pytest -q -n $(AT_ONCE) --dist loadfile tests/apiserver tests/chart

test-browser: setup  ## Tests of the report in a real Chromium; installs Debian's where there is none
	$(BIN)/pytest -q tests/browser

test-engine: setup  ## Tests on a real local Ray
	$(BIN)/pytest -q tests/engine

# Most of these tests wait most of the time, for Ray to start.
test-e2e: setup cluster  ## Tests on the embedded cluster, through the chart; two files at a time, AT_ONCE=1 for one
	export LUTHIER_E2E_AS_IT_IS=1
	$(BIN)/pytest -q -n $(AT_ONCE) --dist loadfile -m 'not alone' tests/e2e
	$(BIN)/pytest -q -m alone tests/e2e

cluster:  ## The embedded cluster with the operator on it, as it is in this folder
	$(PYTHON) tools/install.py

bench: setup  ## How fast, quiet and flat: figures and ratios to docs/benchmarks.md, 25 minutes; `python -m bench --help`
	$(BIN)/python -m bench

generate: setup  ## Write what is generated: the CRD, the API reference, the dashboards
	$(BIN)/python -m luthier.api.crd
	$(BIN)/python -m luthier.api.reference
	$(BIN)/python tools/write_dashboards.py

format: setup  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup  ## Pin all dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

clean-cluster:  ## End everything that demo and tests started, and nothing else
	dev/cluster down
	for left in $${TMPDIR:-/tmp}/api-server-*/; do [ ! -d "$$left" ] || dev/cluster down --dir "$$left" --purge; done
	if command -v kind >/dev/null && kind get clusters 2>/dev/null | grep -qx luthier-demo; then kind delete cluster --name luthier-demo; fi

clean: clean-cluster  ## Besides, remove the environment and the cluster's state
	dev/cluster down --purge
	rm -rf $(VENV)
