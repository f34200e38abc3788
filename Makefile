# Everything starts here; a machine with Python 3.11 or newer, git and make is enough.
# PYTHON=/path/to/python3.12 chooses the interpreter of new environments.

SHELL := /bin/sh
B := .build
WHEEL_ENV = PATH="$(CURDIR)/$(B)/venv-test/bin:$$PATH" TRUEUP_TEST_WHEEL=1
DEV = PATH="$(CURDIR)/$(B)/venv-dev/bin:$$PATH" PYTHONPATH=src
QUICK := not slow and not s3 and not oracle and not torch
SLOW := (slow or s3 or oracle) and not torch
WORKERS ?= 2
CODE := $(wildcard src tests scripts benchmarks studies examples)
PYTEST = pytest -n $(WORKERS) --dist worksteal --timeout 600

.PHONY: help demo test test-slow test-torch check format-check lint types layers docs workflows \
	format references dev-env test-env components bench study locks editable clean

help:
	@echo "make demo          set up, then run the flights example from raw data to a watched year; CHAPTERS=\"gate serve\" for some"
	@echo "make test          set up, build the wheel, install it, run the quick tests against it"
	@echo "make test-slow     the tests that need minutes, a real S3 server or DVC"
	@echo "make test-torch    the tests of PyTorch's formats, in an environment of their own"
	@echo "make check         format, lint, types, import layers, documentation, workflows"
	@echo "make bench         the benchmarks beside their peers; NAME=run for one of them"
	@echo "make study         the long statistical studies; NAME=power for one of them"
	@echo "make editable      .venv with the checkout installed in place, for an editor"
	@echo "make format        let ruff format and mend what it can"
	@echo "make references    write the generated references of docs/reference anew"
	@echo "make components    install the real components that tests run against"
	@echo "make locks         write requirements/*.txt anew, at the newest versions"
	@echo "make clean         remove everything that make made"

demo:
	@scripts/demo.sh

dev-env:
	@scripts/env.sh dev

test-env:
	@scripts/wheel.sh test

components:
	scripts/env.sh s3 oracle evidently peer-mlserver ray act
	scripts/npm.sh azurite azurite-blob=azurite/dist/src/blob/main.js
	scripts/npm.sh forges gitlab-ci-local=gitlab-ci-local/dist/index.js
	scripts/browser.sh
	scripts/nannyml_data.sh
	scripts/promtool.sh
	scripts/apt.sh wrk rsync

test: test-env
	$(WHEEL_ENV) $(PYTEST) -m "$(QUICK)" $(ARGS)

test-slow: test-env components
	$(WHEEL_ENV) $(PYTEST) -m "$(SLOW)" $(ARGS)

test-torch:
	@scripts/torch.sh $(ARGS)

check: format-check lint types layers docs workflows

format-check: dev-env
	$(DEV) ruff format --check $(CODE)

lint: dev-env
	$(DEV) ruff check $(CODE)

types: dev-env
	$(DEV) mypy

layers: dev-env
	$(DEV) lint-imports --no-cache

docs: dev-env
	$(DEV) python -m scripts.docs check

workflows: dev-env
	$(DEV) yamllint --strict .github action.yml templates
	$(DEV) check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(DEV) check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(DEV) zizmor --offline --quiet .github action.yml

format: dev-env
	$(DEV) ruff format $(CODE)
	$(DEV) ruff check --fix $(CODE)

references: dev-env
	$(DEV) python -m scripts.docs write

bench:
	@scripts/bench.sh benchmarks $(NAME)

study:
	@scripts/bench.sh studies $(NAME)

locks:
	scripts/lock.sh --upgrade

editable: dev-env
	@scripts/wheel.sh --editable

clean:
	rm -rf $(B) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
