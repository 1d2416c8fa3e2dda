# Everything a developer or an operator types. Recipes are short: the logic is in deploy/local and the tools.
#
#   make setup && make up        LLM=scripted adds a scripted language model
#   make test && make demo       what continuous integration runs

.DEFAULT_GOAL := help
# Targets share one stack and one .venv, so they run one after another under `make -j` too.
.NOTPARALLEL:

PYTHON ?= python3
MINUTES ?= 10
SEED ?=
BIN := .venv/bin
LOCAL := $(BIN)/python -m aiops_local
SETUP := $(PYTHON) deploy/local/bootstrap.py
GRAPHIQL := services/gateway/graphiql
NODE_TREES := $(GRAPHIQL) tests/conformity
MEMBERS := $(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)) deploy/local/pyproject.toml
PACKAGES := $(foreach package,$(notdir $(wildcard libs/*/src/aiops_* services/*/src/aiops_* deploy/local/src/aiops_*)),--package $(package))
SCRIPTS := deploy/local/bootstrap.py $(foreach tree,benchmarks docs evals examples,$(wildcard $(tree)/*.py $(tree)/*/*.py))

##@ The stack
.PHONY: setup up down status logs demo trace
setup: ## Prepare .venv, PostgreSQL, RabbitMQ and Node.js; needs make and Python 3.11 only
	@$(SETUP)
up: setup ## Start what is not running and wait until it is ready (LLM=scripted)
	@$(LOCAL) up
down: $(BIN)/python ## Stop everything that `make up` started; the data stays
	@$(LOCAL) down
status: $(BIN)/python ## Show what runs
	@$(LOCAL) status
logs: $(BIN)/python ## Follow all logs
	@$(LOCAL) logs
demo: setup ## Show the main job end to end (LLM=scripted, KEEP=1 leaves the stack running)
	@$(LOCAL).demo
trace: $(BIN)/python ## Show one trace: make trace ID=<trace id>
	@$(LOCAL).trace $(ID)

##@ Checks
.PHONY: test lint format types imports test-unit test-integration test-conformity test-e2e test-faults soak bench
test: setup lint types imports ## Everything: lint, types, import rules, all tests
	$(BIN)/pytest
lint: setup ## Style and likely mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
format: setup ## Rewrite the code in its one style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
types: setup ## mypy --strict
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/mypy $(SCRIPTS) tests
imports: setup ## Who may import whom
	$(BIN)/lint-imports
test-unit test-integration test-conformity test-e2e test-faults: test-%: setup ## One kind of tests
	$(BIN)/pytest tests/$*
soak: setup ## Steady load while parts are killed at random (MINUTES=10, SEED=)
	@PYTHONPATH=tests $(BIN)/python -m soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
bench: ## Speed against a peer, as a ratio
	@$(SETUP) wrk
	$(BIN)/python benchmarks/pipeline.py

##@ Upkeep
.PHONY: docs graphiql lock clean help
docs: setup ## Write docs/ and the services' READMEs from the code
	@$(BIN)/python -m docs.generate
graphiql: setup ## Build GraphiQL, which the gateway serves where GATEWAY_DEVELOPMENT=true
	@cd $(GRAPHIQL) && npm ci --include=dev --loglevel=error && npm run --silent build
lock: setup ## Pin every dependency anew
	$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 \
	  $(foreach group,build test bench,--group pyproject.toml:$(group)) --all-extras $(MEMBERS) \
	  --no-emit-package aiops-contracts --no-emit-package aiops-common -o requirements.lock
	@for tree in $(NODE_TREES); do (cd $$tree && npm install --package-lock-only --loglevel=error) || exit; done
clean: ## Stop everything; remove .venv, .local with all data, and what was built
	@if [ -d .local ]; then $(SETUP) && $(LOCAL) clean; fi
	rm -rf .venv .local $(addsuffix /node_modules,$(NODE_TREES)) $(GRAPHIQL)/dist
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
	  /^[a-z].*:.*## / { sub(/: test-%$$/, "", $$1); gsub(/ /, "|", $$1); printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(SETUP)
