.PHONY: setup demo test bench lint which-python
export PYTHONPATH := $(CURDIR)
ENV = tools/setup_env.sh
PYTHON = "$$($(ENV) --which)"
DEMO = data/demo
WORK = work_dirs/hacdr_demo

setup:
	@$(ENV)

demo: setup
	@PYTHON=$(PYTHON) sh tools/demo.sh $(DEMO) $(WORK)

test: setup
	@$(PYTHON) -m pytest

bench: setup
	@$(PYTHON) tools/benchmark.py --json work_dirs/benchmark.json

lint: setup
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

which-python:
	@$(ENV) --which
