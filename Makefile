# Everything works from a clean clone with Python 3.11, make, git and a network to PyPI.
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin

.PHONY: help venv demo test test-slow check bench clean

help:           ## what there is
	@sed -n 's/^\([a-z-]*\): *[^#]*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 12

venv: .venv/ready .venv-mxnet/ready   ## both environments; a second call does nothing

# A stamp is touched last, so an interrupted install is done again.
.venv/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -c "import cv2" || { \
	  echo "OpenCV lacks a system library; on Debian or Ubuntu: sudo apt-get install -y libgl1 libglib2.0-0"; exit 2; }
	@touch $@

.venv-mxnet/ready: requirements-mxnet.txt
	$(PYTHON) -m venv .venv-mxnet
	.venv-mxnet/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

demo: venv      ## synthetic people -> align -> pack -> train on two processes -> out/demo/report.html
	scripts/demo.sh

test: venv      ## the quick tests: a few minutes
	scripts/test.sh -m "not slow"

test-slow: venv ## the slow tests: real photographs, kills, whole runs
	scripts/test.sh -m slow

check: venv     ## style, types, import directions, quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/test.sh -m "not slow"

bench: venv     ## headline figures, measured side by side
	@for file in benchmarks/[a-z]*.py; do \
	  name=$$(basename $$file .py); echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:          ## removes what runs made; environments stay
	rm -rf out runs
