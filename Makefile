# Two commands after a clone: `make demo` and `make test`. Each makes .venv when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

REF ?= HEAD
.PHONY: help demo test busy-test check docs bench gpu gpu-pack soak wheels api portability figures compare clean
.DEFAULT_GOAL := help

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

$(READY): pyproject.toml
	@$(PYTHON) .ci/preflight.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]'
	@# pip would compile on one core, and other packages' tests too. Some packages ship files for other Pythons.
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true
	@touch $@

demo: $(READY)  ## training on simulated people; others' videos -> reenactments -> data set -> report, in ./demo
	$(BIN)/nvfair demo demo

# One process a core, each with one thread: files are handed out whole, so that what a file's tests share is made once, and
# in the order of tests/conftest.py, the longest first. Compiled modules are kept: tests start hundreds of processes.
THREADS ?= 1
PYTEST   = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=$(THREADS) $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: $(READY)  ## the whole test suite
	$(PYTEST)

busy-test: $(READY)  ## the whole test suite while stress-ng keeps every core busy (Debian: apt install stress-ng) and pages come late
	stress-ng --quiet --cpu $$(nproc) & stress=$$!; trap "kill $$stress" EXIT; NVFAIR_SLOW_PAGES=1 $(PYTEST)

check: $(READY)  ## format, lint, import arrows, house rules, types, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python .ci/house_rules.py
	$(BIN)/mypy
	$(PYTEST) -m 'not slow and not soak' -x

# Needs the extra [docs] alone: DOCS_PYTHON=python3 builds with an environment of your own.
DOCS_PYTHON ?= $(BIN)/python

docs: $(if $(filter $(BIN)/%,$(DOCS_PYTHON)),$(READY))  ## the documentation site, into build/site; a warning is an error
	$(DOCS_PYTHON) -m sphinx -W --keep-going -q -d build/site-state -c docs . build/site
	@echo "open build/site/index.html"

bench: $(READY)  ## every benchmark of tests/performance, each beside a plain baseline
	$(BIN)/python -m tests.performance

# A machine with a GPU brings its own Python with torch: no environment is made there, and nothing is installed.
GPU_PYTHON ?= python3
DEVICE     ?= cuda
OUT        ?= build/gpu
PARTS      ?=

gpu:  ## all that a GPU is for, measured in five minutes (DEVICE=cpu: the same script, small; PARTS=... picks some)
	$(GPU_PYTHON) -m tests.performance.gpu --device $(DEVICE) --out $(OUT) $(PARTS)

gpu-pack:  ## gather what `make gpu` needs from outside the tree into ./gpu-pack, to be copied along
	$(PYTHON) -m tests.performance.gpu.pack

soak: $(READY)  ## long runs: clips of 1,000 frames, coverage of intervals, 500 damaged videos, 10,000 mutated submissions, 20 killed builds
	$(BIN)/python -m pytest -m soak --ignore tests/wheels

wheels: $(READY)  ## each extra of the wheel alone in a clean environment, installed and used (an hour, several gigabytes)
	$(BIN)/python -m pytest -m soak tests/wheels

api: $(READY)  ## accept a change of the public Python surface: docs/public_api.txt is written anew
	$(BIN)/python .ci/public_api.py --accept

portability: $(READY)  ## the demo as other processors would run it; run again, it goes on (an hour)
	$(BIN)/python -m tests.portability

figures: $(READY)  ## make the pictures of the README and the docs again
	for script in docs/make_*.py; do $(BIN)/python $$script || exit 1; done

compare: $(READY)  ## does a change leave the results alone? make compare REF=v0.1.0 runs both and lists what differs
	$(BIN)/python .ci/compare_with.py $(REF)

clean:  ## remove the virtual environment and everything made by demo
	rm -rf $(VENV) demo build dist *.egg-info
