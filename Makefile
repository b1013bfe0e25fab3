# Every target does its own set-up: a virtual environment, then edgeonnx as an installed wheel, never an editable install. Stamp files
# in the environment say what is up to date.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := pyproject.toml CMakeLists.txt README.md LICENSE $(shell find cpp python -type f -not -path '*/__pycache__/*')
CXX_SOURCES := $(shell find cpp tests/cpp wheels -name '*.h' -o -name '*.hpp' -o -name '*.cpp' -o -name '*.c')
# The C++ tests open the library of the environment's onnxruntime wheel.
ORT_LIBRARY = $$(ls $(CURDIR)/$(VENV)/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help demo adapters sources parity test test-cpp test-python test-oldest test-releases test-providers bench wheels test-wheels sdist clean-root lint sanitize clean

help:
	@echo "make demo      train, convert and score the SQL Edge tutorial's model, then time 1 M rows"
	@echo "make test      C++ and Python tests"
	@echo "make adapters  the extensions of DuckDB, SQLite and PostgreSQL: their tests alone, none of which may be lacking"
	@echo "make sources   models of TensorFlow and of Spark ML against their frameworks, in environments of their own (3 GB; Java 17)"
	@echo "make parity    PARITY.md: every source of models trained, converted, scored and compared"
	@echo "make bench     edgeonnx against onnxruntime and other rivals, with a table and a chart"
	@echo "make wheels    release wheels and source distributions, checked, in wheelhouse/; make test-wheels runs all tests against them"
	@echo "make lint      ruff, mypy, clang-format"
	@echo "make sanitize  C++ tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer"
	@echo "make clean     remove everything that these commands made"

demo: $(VENV)/.edgeonnx
	$(BIN)/edgeonnx demo --folder demo

test: test-cpp test-python test-oldest test-releases test-providers

test-cpp: $(VENV)/.test
	$(call run_preset,dev)

test-python: $(VENV)/.edgeonnx $(VENV)/.test
	$(BIN)/pytest tests

# Debian: libsqlite3-dev sqlite3 postgresql-15 postgresql-server-dev-15 pkgconf.
ADAPTER_TESTS := $(addprefix tests/test_,conformance.py duckdb.py sqlite.py postgres.py embedding.py)

adapters: $(VENV)/.edgeonnx $(VENV)/.test
	EDGEONNX_ADAPTERS=all $(BIN)/pytest $(ADAPTER_TESTS)

# The oldest ONNX Runtime served, beside the newest one that the environment has: its library alone, whatever this Python is.
OLDEST := 1.19.0
OLDEST_TESTS := tests/test_data_kinds.py tests/test_parity.py tests/test_predict.py tests/test_layouts.py tests/test_scores.py

test-oldest: $(VENV)/.edgeonnx $(VENV)/.test $(VENV)/.oldest
	EDGEONNX_ORT_LIBRARY="$(CURDIR)/$(VENV)/oldest/onnxruntime/capi/libonnxruntime.so.$(OLDEST)" $(BIN)/pytest $(OLDEST_TESTS)

# Releases that are wrong about some operator, and their neighbours; a model that is sealed with one of them and moves to another.
RELEASES := 1.19.0 1.22.1 1.23.2 1.25.1 1.26.0
RELEASE_TESTS := tests/test_known_defects.py tests/test_selfcheck.py tests/test_golden_releases.py tests/test_verify_releases.py

test-releases: $(VENV)/.edgeonnx $(VENV)/.test $(VENV)/.releases
	EDGEONNX_ORT_RELEASES="$(CURDIR)/$(VENV)/releases" $(BIN)/pytest $(RELEASE_TESTS)

# Builds of ONNX Runtime that have execution providers, their files alone. CUDA's and TensorRT's find stand-ins for NVIDIA's libraries.
PROVIDER_BUILDS := gpu==1.31.1 openvino==1.24.1

test-providers: $(VENV)/.edgeonnx $(VENV)/.test $(VENV)/.providers
	EDGEONNX_PROVIDER_BUILDS="$(CURDIR)/$(VENV)/providers" $(BIN)/pytest tests/test_providers.py tests/test_provider_options.py

# Sources of models whose packages are too heavy for the test environment. Debian, for Spark: openjdk-17-jre-headless.
SOURCE_ENVIRONMENTS := tensorflow spark
SOURCE_STAMPS := $(SOURCE_ENVIRONMENTS:%=$(VENV)/sources-%/.edgeonnx)
tensorflow_SETTINGS := KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3
spark_SETTINGS := SPARK_LOCAL_IP=127.0.0.1

sources: $(SOURCE_ENVIRONMENTS:%=sources-%)

.PHONY: $(SOURCE_ENVIRONMENTS:%=sources-%)
$(SOURCE_ENVIRONMENTS:%=sources-%): sources-%: $(VENV)/sources-%/.edgeonnx
	EDGEONNX_SOURCES=$* $($*_SETTINGS) $(VENV)/sources-$*/bin/pytest tests/test_sources.py tests/test_source_errors.py

parity: measure-main $(SOURCE_ENVIRONMENTS:%=measure-%)
	cd tests && $(CURDIR)/$(BIN)/python -m sources page $(patsubst %,$(CURDIR)/build/parity/%.json,main $(SOURCE_ENVIRONMENTS))

.PHONY: measure-main $(SOURCE_ENVIRONMENTS:%=measure-%)
measure-main: $(VENV)/.edgeonnx $(VENV)/.test
	cd tests && $(CURDIR)/$(BIN)/python -m sources measure main $(CURDIR)/build/parity/main.json

$(SOURCE_ENVIRONMENTS:%=measure-%): measure-%: $(VENV)/sources-%/.edgeonnx
	cd tests && $($*_SETTINGS) $(CURDIR)/$(VENV)/sources-$*/bin/python -m sources measure $* $(CURDIR)/build/parity/$*.json

bench: $(VENV)/.edgeonnx $(VENV)/.bench
	$(BIN)/python bench/run.py

# Release files; see wheels/README.md. PYTHONS: some versions, as 3.11; all that there are where it is empty.
WHEEL_TOOLS := build/wheels/tools
WHEEL_PYTHON := $(WHEEL_TOOLS)/bin/python

wheels: $(WHEEL_TOOLS)/.installed
	$(WHEEL_PYTHON) wheels/release.py --pythons $(PYTHONS)

# The whole suite against each wheel of wheelhouse/, without sources and compilers.
test-wheels: $(WHEEL_TOOLS)/.installed
	$(WHEEL_PYTHON) wheels/try_wheel.py wheelhouse/edgeonnx-*.whl

sdist: $(WHEEL_TOOLS)/.installed
	$(WHEEL_PYTHON) wheels/sdist.py

# As root: a wheel for the CPython of Debian forky, made, installed and tested in a Debian without a compiler.
clean-root: $(WHEEL_TOOLS)/.installed
	$(WHEEL_PYTHON) wheels/clean_root.py

$(WHEEL_TOOLS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(WHEEL_TOOLS)
	$(WHEEL_PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(WHEEL_PYTHON) -m pip install --quiet --disable-pip-version-check --group wheels
	@touch $@

lint: $(VENV)/.edgeonnx $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict python/edgeonnx
	$(BIN)/clang-format --dry-run -Werror $(CXX_SOURCES)

sanitize: $(VENV)/.test
	$(call run_preset,asan)
	$(call run_preset,tsan)

clean:
	rm -rf $(VENV) build dist wheelhouse demo bench/results .pytest_cache .hypothesis .mypy_cache .ruff_cache .benchmarks
	find python tests bench -type d -name __pycache__ -exec rm -rf {} +

# Configure, build and run the C++ tests of one preset; see CMakePresets.json.
define run_preset
	$(BIN)/cmake --preset $(1)
	$(BIN)/cmake --build --preset $(1) --parallel $(JOBS)
	EDGEONNX_ORT_LIBRARY="$(ORT_LIBRARY)" $(BIN)/ctest --preset $(1)
endef

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "edgeonnx needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	@touch $@

# One wheel for all environments.
WHEEL = $$(ls $(CURDIR)/$(VENV)/wheel/edgeonnx-*.whl)

$(VENV)/.edgeonnx: $(VENV)/.pip $(SOURCES)
	rm -rf $(VENV)/wheel
	$(PIP) wheel --quiet --no-deps --wheel-dir $(VENV)/wheel -C cmake.define.EDGEONNX_DUCKDB=ON .
	$(PIP) install --quiet --no-deps --force-reinstall "$(WHEEL)"
	$(PIP) install --quiet "$(WHEEL)[all]"
	@touch $@

$(SOURCE_ENVIRONMENTS:%=$(VENV)/sources-%/.packages): $(VENV)/sources-%/.packages: pyproject.toml | $(VENV)/.pip
	$(PYTHON) -m venv $(VENV)/sources-$*
	$(VENV)/sources-$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)/sources-$*/bin/python -m pip install --quiet --disable-pip-version-check --group sources-$*
	@touch $@

$(SOURCE_STAMPS): $(VENV)/sources-%/.edgeonnx: $(VENV)/sources-%/.packages $(VENV)/.edgeonnx
	$(VENV)/sources-$*/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$(WHEEL)"
	$(VENV)/sources-$*/bin/python -m pip install --quiet --disable-pip-version-check "$(WHEEL)"
	@touch $@

$(VENV)/.oldest: | $(VENV)/.pip
	$(PIP) download --quiet --no-deps --only-binary :all: --python-version 3.11 --dest $(VENV)/oldest onnxruntime==$(OLDEST)
	$(BIN)/python -m zipfile -e $(VENV)/oldest/onnxruntime-$(OLDEST)-*.whl $(VENV)/oldest
	@touch $@

$(VENV)/.releases: | $(VENV)/.pip
	for release in $(RELEASES); do \
	  $(PIP) download --quiet --no-deps --only-binary :all: --python-version 3.11 --dest $(VENV)/releases onnxruntime==$$release && \
	  $(BIN)/python -m zipfile -e $(VENV)/releases/onnxruntime-$$release-*.whl $(VENV)/releases/unpacked && \
	  mv $(VENV)/releases/unpacked/onnxruntime/capi/libonnxruntime.so.$$release $(VENV)/releases && \
	  rm -r $(VENV)/releases/unpacked $(VENV)/releases/*.whl || exit 1; \
	done
	@touch $@

$(VENV)/.providers: | $(VENV)/.pip
	for build in $(PROVIDER_BUILDS); do \
	  folder="$(VENV)/providers/$${build%%=*}"; \
	  $(PIP) download --quiet --no-deps --only-binary :all: --python-version 3.11 --dest "$$folder" "onnxruntime-$$build" && \
	  $(BIN)/python -m zipfile -e "$$folder"/*.whl "$$folder" && rm "$$folder"/*.whl || exit 1; \
	done
	@touch $@

# Dependency groups of pyproject.toml.
$(VENV)/.test $(VENV)/.bench $(VENV)/.lint: $(VENV)/.%: pyproject.toml | $(VENV)/.edgeonnx
	$(PIP) install --quiet --group $*
	@touch $@
