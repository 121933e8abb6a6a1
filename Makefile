.PHONY: setup demo test test-share bench lint wheels which-python
export PYTHONPATH := $(CURDIR)
export STACK
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

# What depends on torch, numpy and OpenCV: for the stack that is not the machine's.
test-share: setup
	@$(PYTHON) -m pytest tests/test_ops tests/test_models tests/test_engine \
	    tests/test_evaluation tests/test_tools/test_train_and_test.py

bench: setup
	@$(PYTHON) tools/benchmark.py --json work_dirs/benchmark.json

lint: setup
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

wheels: export STACK = current
wheels: setup
	@$(PYTHON) tools/make_wheels.py -o wheels

which-python:
	@$(ENV) --which
