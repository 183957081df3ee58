# Every target works from a fresh clone with Python 3.11 or later; uv is used when it is there.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := demo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TYPED := inventory_control tenants exceptions ai_advice workflows connectors

DEMO_OPTIONS := $(if $(filter 1,$(ONCE)),--once) $(if $(FILE),--file "$(FILE)") \
	$(if $(PORT),--port $(PORT)) $(if $(SEED),--seed $(SEED)) \
	$(if $(LIVE_FROM),--live-from $(LIVE_FROM)) $(if $(filter 1,$(RESET)),--reset)

.PHONY: demo test lint stories trace lock bench chaos security install install-dev

# Each stamp holds the digest of the lock file it was installed from.
define install_from
	@digest=$$(sha256sum $(1) 2>/dev/null || shasum -a 256 $(1)); \
	if [ "$$(cat $(VENV)/$(2) 2>/dev/null)" != "$$digest" ]; then \
		began=$$(date +%s); \
		if command -v uv >/dev/null; then \
			[ -x $(BIN)/python ] || uv venv --quiet $(VENV); \
			uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1); \
		else \
			[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV); \
			$(BIN)/python -m pip install --quiet --disable-pip-version-check \
				--require-hashes -r $(1); \
		fi; \
		echo "$$digest" > $(VENV)/$(2); \
		echo $$(( $$(date +%s) - began )) > $(VENV)/$(2).seconds; \
	else \
		echo 0 > $(VENV)/$(2).seconds; \
	fi
endef

install:
	$(call install_from,requirements.lock,installed)

install-dev:
	$(call install_from,requirements-dev.lock,installed-dev)

# The generated retailer, or FILE=…; ONCE=1 ends after the job, PORT=…, RESET=1 starts over.
demo: install
	@DEMO_INSTALL_SECONDS=$$(cat $(VENV)/installed.seconds) \
		$(BIN)/python manage.py demo $(DEMO_OPTIONS)

test: install-dev
	$(BIN)/python -m pytest -n 2 -q

lint: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	SECRET_KEY=lint IC_LOGIN=owner DATABASE_OWNER_URL=postgresql://nobody@/nothing \
		$(BIN)/python manage.py tenant_ddl --check

# STORIES=folder plays the story files of another folder.
stories: install
	@$(BIN)/python -m inventory_control.demo.stories $(STORIES)

trace: install-dev
	@$(BIN)/python -m tests.house.trace

bench: install-dev
	@$(BIN)/python -m benchmarks

# All drills, or DRILLS="R2 R4".
chaos: install-dev
	@$(BIN)/python -m benchmarks.chaos $(DRILLS)

security: install-dev
	@$(BIN)/python -m tests.security

# Renew the two lists of pinned packages from uv.lock.
lock:
	uv lock
	uv export --quiet --frozen --no-emit-project --no-dev --format requirements-txt \
		--output-file requirements.lock
	uv export --quiet --frozen --no-emit-project --format requirements-txt \
		--output-file requirements-dev.lock

# Pictures of the console from a demo that is running: PLANNER=ada:… PARTNER=sam:… as it printed them.
screenshots: install-dev
	$(BIN)/python tools/screenshots.py --address http://127.0.0.1:$(or $(PORT),8000) \
		--planner "$(PLANNER)" --partner "$(PARTNER)"
