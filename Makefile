.PHONY: help setup demo test test-share bench lint docs wheels which-python
export PYTHONPATH := $(CURDIR)
export STACK
ENV = tools/setup_env.sh
PYTHON = "$$($(ENV) --which)"
DEMO = data/demo
WORK = work_dirs/hacdr_demo

help:
	@echo 'make demo         set up, train a small network on generated photographs, report'
	@echo 'make test         set up, run the tests (test-share: what depends on the stack)'
	@echo 'make setup        one of two pinned environments; STACK=current or classic'
	@echo 'make lint         linter, format and types'
	@echo 'make docs         the documentation site, into site/'
	@echo 'make bench        times of the convolutions and of the network'
	@echo 'make wheels       what a GPU machine without network lacks, into wheels/'
	@echo 'make which-python the Python of the environment'

setup:
	@$(ENV)

demo: setup
	@PYTHON=$(PYTHON) sh tools/demo.sh $(DEMO) $(WORK)

# One thread a worker, a worker a core. A worker that is done takes over the last tests
# of another, so that most fixtures of a file are made once. Modules are compiled once
# for all processes, also where PYTHONDONTWRITEBYTECODE is set, as in many containers.
PYTEST = OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1000 PYTHONDONTWRITEBYTECODE= \
    $(PYTHON) -m pytest -n auto --dist worksteal

test: setup
	@$(PYTEST)

# What depends on torch, numpy and OpenCV: for the stack that is not the machine's.
test-share: setup
	@$(PYTEST) tests/test_ops tests/test_models tests/test_engine tests/test_evaluation \
	    tests/test_commands/test_train_and_test.py

bench: setup
	@$(PYTHON) tools/benchmark.py --json work_dirs/benchmark.json

# Environments of their own, as neither imports the package, named after what they hold:
# checkouts share them.
CACHE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hacdr
KEY = $(shell (python3 --version; cat constraints/$(1).txt) | cksum | cut -d ' ' -f 1)
PINS = constraints/$(firstword $(subst -, ,$*)).txt

$(CACHE)/%/.complete:
	@mkdir -p $(CACHE)
	@flock $(CACHE)/$*.lock sh -c 'test -e $@ || { python3 -m venv --clear $(@D) && \
	    $(@D)/bin/pip install -q -r $(PINS) && touch $@; }'

lint: $(CACHE)/lint-$(call KEY,lint)/.complete
	@$(<D)/bin/ruff check .
	@$(<D)/bin/ruff format --check .
	@$(<D)/bin/mypy

docs: $(CACHE)/docs-$(call KEY,docs)/.complete
	@NO_MKDOCS_2_WARNING=1 $(<D)/bin/mkdocs build --strict --quiet
	@echo 'look at it: python3 -m http.server -d site'

wheels: export STACK = current
wheels: setup
	@$(PYTHON) tools/make_wheels.py -o wheels

which-python:
	@$(ENV) --which
