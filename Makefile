# make demo: train, report, export and answer, from nothing.
# make test: the checks that a change needs.  make test-all: all of them.
# The first of these that runs. A second one, where there is one, is for test-wheel.
runs = $(shell for p in $(1); do "$$p" -c "" 2>/dev/null && echo "$$p" && break; done)
PYTHON ?= $(call runs,python3.11 python3.12 python3.13)
SECOND ?= $(call runs,$(foreach v,3.13 3.12,python$(v) $(wildcard $(HOME)/.pyenv/versions/$(v).*/bin/python)))
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2  # test processes; each takes a core and up to 4 GB
# On a CI machine, whose disk is small, an environment goes when its lane has run.
done_with = $(if $(CI),rm -rf $(addprefix $(VENV)-,$(1)))

.PHONY: demo test test-all environments test-services coverage test-wheel torch-env beside-torch lint docs docs-serve parity reference notebooks preflight-env old-runtime-env triton-env batch-env deploy-check preflight-configs clean

demo: $(VENV)/.installed
	rm -rf runs/demo
	$(BIN)/python -m tfsocial demo --workdir=runs/demo

# What takes minutes alone, or an environment of its own, is in test-all and skipped here.
test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long"

# Branch coverage of the same tests, into build/coverage; processes that a test kills count nothing.
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long" --cov --cov-report=term:skip-covered \
		--cov-report=html:build/coverage

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# The long lanes besides: the documentation, a run killed twenty times, two workers, the real TPU
# compiler (280 MB to download), exports in TensorFlow 2.12.1 (300 MB) and in Triton
# (600 MB), files answered on Beam (750 MB), every command where PyTorch is installed too (200 MB,
# or 3 GB with CUDA).
# The environments are downloaded while the first tests run.
test-all: $(VENV)/.installed-dev $(VENV)/.installed-docs
	@mkdir -p build
	$(MAKE) -k environments >build/environments.log 2>&1 & beside=$$!; \
	$(MAKE) test docs deploy-check || { kill $$beside; exit 1; }; \
	wait $$beside || tail -5 build/environments.log
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m long
	$(call done_with,preflight old-runtime triton batch deploy)
	$(MAKE) -k -j2 -Otarget test-wheel beside-torch

environments: test-services preflight-env old-runtime-env triton-env batch-env

# PostgreSQL, Redis, NATS, Chromium and Prometheus, from Debian's packages; needs root.
test-services:
	install/test_services.sh

# The wheel, as somebody installs it who has no checkout: its demo and some fast tests from an empty
# folder. In an environment of its own, with a second Python where there is one.
FAST := cli/test_cli.py init serving/gateway/test_page.py serving/gateway/test_openapi.py \
	text/test_tokenizer.py test_api.py
test-wheel: $(VENV)-wheel/.installed
	rm -rf build/elsewhere && mkdir -p build/elsewhere
	cd build/elsewhere && $(abspath $(VENV)-wheel/bin/tfsocial) demo --workdir=demo
	cd build/elsewhere && $(abspath $(VENV)-wheel/bin/python) -m pytest -n $(WORKERS) \
		--dist worksteal -m "not long" -c $(CURDIR)/pyproject.toml --rootdir=$(CURDIR) \
		$(addprefix $(CURDIR)/tests/,$(FAST))

# Every command in an environment that has PyTorch beside TensorFlow.
torch-env: $(VENV)-torch/.installed

beside-torch:
	-$(MAKE) torch-env
	@if [ -e $(VENV)-torch/.installed ]; then \
		$(VENV)-torch/bin/python -m pytest tests/beside_torch; \
	else echo "beside-torch: skipped, there is no $(VENV)-torch"; fi

# Recomputes the reference vectors with PyTorch in an environment of its own, and loads there
# what tfsocial saves.
parity: $(VENV)/.installed-dev $(VENV)-parity/.installed
	$(VENV)-parity/bin/python tests/reference/make_reference.py --check
	TFSOCIAL_TORCH_PYTHON=$(abspath $(VENV)-parity/bin/python) \
		$(BIN)/python -m pytest tests/models/test_reference.py

# The real TPU compiler, for `python -m tfsocial preflight`; no TPU is needed.
preflight-env: $(VENV)-preflight/.installed

# TensorFlow 2.12.1, for which exports are made portable.
old-runtime-env: $(VENV)-old-runtime/.installed

# NVIDIA's Triton, a real server for exports (600 MB to download).
triton-env: $(VENV)-triton/.installed

# Apache Beam beside TensorFlow, for `tfsocial batch-predict` (750 MB to download).
batch-env: $(VENV)-batch/.installed

# The Kubernetes manifests, by their schemas.
deploy-check: $(VENV)-deploy/.installed
	deploy/check.sh $(abspath $(VENV)-deploy/bin/python)

# Each config in configs/ through it; DATA holds one folder per config.
preflight-configs: $(VENV)/.installed preflight-env
	$(BIN)/python -m benchmarks.preflight.configs $(addprefix --data=,$(DATA))

# The documentation into build/site; whatever is amiss (a link, a table, a docstring) is an error.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

docs-serve: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

# The table of results in README.md and README.zh-CN.md, from benchmarks/results.
reference: $(VENV)/.installed
	$(BIN)/python -m docs.hooks.readme

# Runs the notebooks in colab/ at their full settings and keeps what they print; NAMES picks some.
notebooks: $(VENV)/.installed-dev
	$(BIN)/python -m colab.run $(NAMES)

$(VENV)/.installed: pyproject.toml requirements-m0.txt constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e . -c constraints.txt
	$(BIN)/python -m pip install -q --no-deps -r requirements-m0.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed tests/requirements-axe.txt
	$(BIN)/python -m pip install -q -e ".[dev]" -c constraints.txt
	$(BIN)/python -m pip install -q --no-deps -r tests/requirements-axe.txt
	touch $@

$(VENV)-wheel/.installed: $(VENV)/.installed $(shell git ls-files tfsocial pyproject.toml)
	rm -rf build/wheel build/lib
	$(BIN)/python -m pip wheel -q --no-deps -w build/wheel .
	test -e $(VENV)-wheel || $(or $(SECOND),$(PYTHON)) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip install -q "$$(ls build/wheel/*.whl)[dev]" -c constraints.txt
	$(VENV)-wheel/bin/python -m pip install -q --force-reinstall --no-deps build/wheel/*.whl \
		-r requirements-m0.txt
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e ".[docs]" -c constraints.txt
	touch $@

# PyTorch and what it asks for; all else is seen in $(VENV).
$(VENV)-torch/.installed: $(VENV)/.installed-dev tests/beside_torch/requirements.txt
	$(PYTHON) -m venv $(VENV)-torch
	here=$$($(BIN)/python -c "import site; print(site.getsitepackages()[0])") && \
		there=$$($(VENV)-torch/bin/python -c "import site; print(site.getsitepackages()[0])") && \
		echo "import site; site.addsitedir('$$here')" > "$$there/shared.pth"
	$(VENV)-torch/bin/python -m pip install -q -r tests/beside_torch/requirements.txt
	touch $@

$(VENV)-parity/.installed: tests/reference/requirements.txt
	$(PYTHON) -m venv $(VENV)-parity
	$(VENV)-parity/bin/python -m pip install -q -r tests/reference/requirements.txt
	touch $@

# Needs Python 3.11: the last one that TensorFlow 2.12 has wheels for.
$(VENV)-old-runtime/.installed: tests/serving/old_runtime/requirements.txt
	python3.11 -m venv $(VENV)-old-runtime
	$(VENV)-old-runtime/bin/python -m pip install -q --no-deps -r $<
	touch $@

# Its Python backend is built for Python 3.11.
$(VENV)-triton/.installed: tests/serving/triton_server/requirements.txt
	python3.11 -m venv $(VENV)-triton
	$(VENV)-triton/bin/python -m pip install -q -r $<
	$(VENV)-triton/bin/python -m pip install -q --no-deps nvidia-pytriton==0.7.0
	cd $(VENV)-triton/lib/python3.11/site-packages/pytriton/tritonserver && \
		cp python_backend_stubs/3.11/triton_python_backend_stub backends/python/
	touch $@

# For Python 3.11, of which its packages' versions are written down.
$(VENV)-batch/.installed: requirements-batch.txt
	python3.11 -m venv $(VENV)-batch
	$(VENV)-batch/bin/python -m pip install -q --no-deps -r $<
	$(VENV)-batch/bin/python -m pip install -q --no-deps -e .
	touch $@

# And Node's packages with the schemas of custom resources, where there is npm.
$(VENV)-deploy/.installed: deploy/requirements.txt deploy/crds/package-lock.json
	$(PYTHON) -m venv $(VENV)-deploy
	$(VENV)-deploy/bin/python -m pip install -q -r $<
	mkdir -p $(VENV)-deploy/crds && cp deploy/crds/package*.json $(VENV)-deploy/crds/
	-npm ci --silent --prefix $(VENV)-deploy/crds
	touch $@

$(VENV)-preflight/.installed: requirements-preflight.txt
	$(PYTHON) -m venv $(VENV)-preflight
	$(VENV)-preflight/bin/python -m pip install -q -r requirements-preflight.txt
	touch $@

clean:
	rm -rf build $(VENV) $(VENV)-wheel $(VENV)-parity $(VENV)-preflight $(VENV)-torch $(VENV)-old-runtime $(VENV)-triton $(VENV)-batch $(VENV)-deploy runs .pytest_cache .ruff_cache .hypothesis
