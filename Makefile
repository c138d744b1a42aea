# Everything runs from .venv, which `setup` makes; nothing relies on what was installed by hand.

# A module that is compiled once is not compiled again in each of the hundreds of processes of a test run.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
# Packages of the system that only tests need: headers, formatters and linters of C and C++, a browser.
SYSTEM_PACKAGES := chromium clang-format cmake cppcheck g++ gcc libcjson-dev libcmocka-dev libgtest-dev libssl-dev make ninja-build nlohmann-json3-dev
# Compilers and emulators of the devices that a bundle is converted for.
SYSTEM_PACKAGES += binutils-arm-none-eabi clang gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-arm-none-eabi gcc-riscv64-linux-gnu libc6-dev-arm64-cross libc6-dev-armhf-cross libc6-dev-riscv64-cross libnewlib-arm-none-eabi lld qemu-system-arm qemu-user
# 1: torch and ONNX Runtime for CUDA, the default where there is a driver; 0: for the CPU.
INSTALLED := $(shell cat .venv/installed 2>/dev/null)
GPU ?= $(or $(INSTALLED),$(if $(shell command -v nvidia-smi),1,0))
RUNTIME := $(if $(filter 1,$(GPU)),gpu,cpu)
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
# LOCK=1: in the versions of requirements/ci.lock.
DEVELOP := --editable '.[$(RUNTIME),train,interop,dev]' $(if $(LOCK),--constraints requirements/ci.lock)
# PyPI's torch for Linux brings CUDA's libraries along; the one without is in PyTorch's own index, where that is reached.
INSTALL_gpu := $(INSTALL) $(DEVELOP)
INSTALL_cpu := UV_HTTP_RETRIES=0 $(INSTALL) --torch-backend cpu $(DEVELOP) 2>/dev/null || { \
	echo "PyTorch's index is not reached: PyPI's torch it is, which brings 4 GB of CUDA's libraries"; \
	$(INSTALL) --overrides requirements/cpu.txt $(DEVELOP); }
# Two at a time, each on one thread. Whoever has nothing left takes over tests of the other, so that what one fixture
# makes for many tests is made about once. T names a part of the tests.
# COVERAGE=1: each process, those that tests start too, leaves the lines of flowexport that it reached in a .coverage.*
# of its own.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python $(if $(COVERAGE),-m coverage run) -m pytest -q --numprocesses 2 \
	--dist worksteal $(T)
# What differs from main or is new to git; mypy takes half a minute of two cores where it has read nothing before.
MAIN = $(shell git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo HEAD)
CHANGED = $(shell git diff --name-only $(MAIN); git ls-files --others --exclude-standard)
TYPED = $(filter flowexport/% pyproject.toml requirements/%,$(CHANGED))
# Packages whose data the zoo's rows are: no test needs them, so that setup leaves them out.
MODELS_DATA := $(INSTALL) --editable '.[models]'

.PHONY: help setup setup-system demo test test-languages test-quick test-slow test-versions release-check coverage covered lock lint lint-changed format docs site pictures models bench languages matrix web clean

help: ## show this
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/installed .venv/native ## make .venv with all that training, export and the tests need; GPU=1: for CUDA

# Emptied where the other of the two is wanted than is there: they share names, and neither replaces the other.
.venv/installed: pyproject.toml $(if $(filter-out $(GPU),$(INSTALLED)),FORCE)
	$(PYTHON) -m venv $(if $(filter $(GPU),$(INSTALLED)),,--clear) .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(INSTALL_$(RUNTIME))
	@echo $(GPU) >$@

# From source, as there is a wheel for every platform only once it is released.
.venv/native: .venv/installed native/pyproject.toml native/hatch_build.py $(wildcard native/kernel/* native/src/*/*.py)
	@if $(CC) --version >/dev/null 2>&1; then $(INSTALL) --reinstall-package flowexport-native ./native && touch $@; else \
		echo "There is no C compiler ($(CC)): flowexport-native is left out, and ONNX Runtime runs every bundle"; fi

FORCE:

setup-system: ## install what tests need of the system, with apt
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES)

demo: setup ## train on real rows, export, verify, score and sample, into demo/
	$(BIN)/flowexport demo --output demo

test-quick: setup lint-changed ## lint of what changed, and the tests that neither export a flow nor run a program
	$(PYTEST) -m "not slow and not programs and not thorough" --quick -r fE

test: setup $(if $(T),,lint) ## lint, and every room, with Python's and Go's programs: 8 minutes; T=tests/runtime for a part
	$(PYTEST) -m "not slow and not languages"

test-languages: setup ## the programs of all other languages, built, held to the contract, linted
	$(PYTEST) -m "languages and not slow"

test-slow: setup ## the tests that take minutes
	$(PYTEST) -m slow

test-versions: setup ## a part of the tests under each Python, with the oldest and the newest libraries supported
	tests/versions.sh

release-check: setup ## build the sdist and the wheel, and try the wheel with each extra under each Python
	tests/release.sh

coverage: setup ## make test and test-slow, and the lines of flowexport that neither reaches, of all processes
	rm -f .coverage .coverage.*
	$(MAKE) test test-slow covered COVERAGE=1

covered: setup ## the lines that runs with COVERAGE=1 have not reached; more than 3 % is a failure
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lock: setup ## write requirements/ci.lock anew: the newest versions of all that setup installs
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --extra cpu --extra gpu --extra train --extra interop --extra dev \
		--universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--output-file requirements/ci.lock

lint: lint-changed ## formatting, lint, types, the direction of imports, generated documents
	$(if $(TYPED),,$(BIN)/mypy)

# All of it but the types of what is as on main.
lint-changed: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(if $(TYPED),$(BIN)/mypy)
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

format: setup ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## write the generated documents anew
	$(BIN)/python docs/generate.py

site: .venv-site/installed ## the documentation as a site, into site/, with every link checked
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/python -m mkdocs build --quiet --strict

# An environment of its own, without torch: the reference is read from the code and not by running it.
.venv-site/installed: pyproject.toml
	$(PYTHON) -m venv --clear .venv-site
	.venv-site/bin/pip install --quiet --disable-pip-version-check uv
	.venv-site/bin/uv pip install --quiet --python .venv-site/bin/python --requirements pyproject.toml --extra site
	@touch $@

pictures: docs ## draw the pictures of the documents anew, and measure the table of flows
	$(MODELS_DATA)
	$(BIN)/python docs/generate.py --pictures

models: setup ## train and export the zoo anew
	$(MODELS_DATA)
	$(BIN)/python models/make_models.py

bench: .venv/bench ## compare with peers, side by side, into benchmarks/RESULTS.md and docs/speed.md: 25 minutes
	$(BIN)/python -m benchmarks

.venv/bench: .venv/installed
	$(INSTALL) --editable '.[$(RUNTIME),train,bench,dev]'
	@touch $@

languages: setup ## measure the programs of all languages, for the README's table
	$(BIN)/python benchmarks/languages.py

matrix: setup ## the zoo's golden cases in every runtime, into docs/runtimes.md
	$(BIN)/python runtime_examples/matrix

web: ## serve the page that opens bundles in a browser
	PYTHON=$(firstword $(wildcard $(BIN)/python) $(PYTHON)) runtime_examples/web/prepare.sh
	$(PYTHON) runtime_examples/web/serve.py

clean: ## remove what the other targets made
	rm -rf .coverage native/build native/dist .venv .venv-kserve .venv-mlserver .venv-site .venv-triton .venv-versions demo build dist site
