# One command for each chore. `make demo` and `make test` set everything up by themselves.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
RIVALS := build/rivals
JOBS   ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test nightly test-all lint types format docs torture bench-engine bench-catalogue bench-captures clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

# What is imported stays compiled, so that a process starts in tenths of a second, torch in seconds.
unexport PYTHONDONTWRITEBYTECODE

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e '.[chatterbox,docs,test]'
	touch $@

# What patcher is compared with lives apart: nothing of it may decide what patcher runs on.
$(RIVALS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet '.[bench]'
	touch $@

setup: $(READY)  ## make the virtual environment (Chatterbox and its torch: about 6 GB)

demo: $(READY)  ## the report's afternoon on real Chatterbox, synthetic weights, no GPU
	@BIN=$(abspath $(BIN)) sh benchmarks/demo.sh

# A file stays in one process, so that what its tests share is made once.
test: $(READY)  ## the test suite, the real package included; says how long it will take (JOBS=2)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

nightly: $(READY)  ## also the whole of what is long: torture, mutations, generated cases, downloads
	PATCHER_SEARCH=1 $(BIN)/python -m pytest -m 'not gpu'

test-all: $(READY)  ## everything there is, GPU included
	$(BIN)/python -m pytest -m 'not gpu or gpu'

lint: $(READY)  ## ruff, and the arrows between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(READY)  ## let ruff rewrite
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## mypy --strict
	$(BIN)/mypy

docs: $(READY)  ## render what is rendered, build the site with warnings as errors
	$(BIN)/python -m docs.render_spec
	$(BIN)/python -m docs.render_gates
	$(BIN)/python -m docs.render_tour
	$(BIN)/python -m patcher.patchfile.schema
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "docs: build/docs/index.html"

torture: $(READY) $(RIVALS)/.ready  ## kill, starve and confuse the store; resumes (HOURS=1 JOBS=2)
	$(BIN)/python -m tests.torture --tools $(RIVALS)/bin --hours $(or $(HOURS),1) --jobs $(JOBS) \
	    --out docs/torture.md

bench-engine: $(READY) $(RIVALS)/.ready  ## apply against ast-grep, semgrep and libcst.tool, in pairs
	$(BIN)/python -m benchmarks.engine --tools $(RIVALS)/bin

bench-catalogue: $(READY)  ## count, gate and time every patch and set (hours; goes on)
	$(BIN)/python -m benchmarks.catalogue counts gates stages speed life rates specs --resume

bench-captures: $(READY)  ## capture and replay the diffs between published versions, and 5,000 edits by hand
	$(BIN)/python -m benchmarks.captures --write docs/benchmarks-captures.md

clean:  ## remove the virtual environment and what demo made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
