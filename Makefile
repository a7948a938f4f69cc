# Stepwell: `make demo` shows it at work, `make test` proves it. Both set themselves up.

NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
    $$each -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# tests wait for processes more than they compute
WORKERS ?= 3
AGAIN ?=

.PHONY: demo test test-faults test-clients lint bench docs serve clean

demo: $(READY)
	@$(BIN)/python examples/digits/demo.py

serve: $(READY)
	@$(BIN)/stepwell serve

test: $(READY)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not faults and not clients" $(AGAIN)

test-faults: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m faults $(AGAIN)

test-clients: $(READY)
	@test -n "$$STEPWELL_TF_MIRROR" || echo "STEPWELL_TF_MIRROR is unset: the tests of Terraform are SKIPPED" \
	  "(it names a filesystem_mirror that has hashicorp/aws; docs/terraform.md)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps 'river>=0.21,<1' \
	  || echo "river cannot be installed: the test of examples/water is SKIPPED (its readings are in that package)"
	$(BIN)/pytest -n 3 --dist worksteal -m clients $(AGAIN)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python bench/run.py

docs: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group docs
	$(BIN)/python docs/build.py

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Stepwell needs Python 3.11 or newer with venv (on Debian: apt install" \
	  "python3 python3-venv); name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (about 550 MB on disk, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --python $(BIN)/python --editable '.[pulumi]' --group dev
	@touch $(READY)

clean:
	rm -rf $(VENV) .demo site docs/reference .pytest_cache .mypy_cache .ruff_cache
