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
PROFILES ?=
BIN := .venv/bin
CHECKS := .venv-checks
LOCAL := $(BIN)/python -m aiops_local
SETUP := $(PYTHON) deploy/local/bootstrap.py
COMPOSE := docker compose --env-file .local/compose.env
GRAPHIQL := services/gateway/graphiql
NODE_TREES := $(GRAPHIQL) tests/conformity
MEMBERS := $(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)) deploy/local/pyproject.toml
PACKAGES := $(foreach package,$(notdir $(wildcard libs/*/src/aiops_* services/*/src/aiops_* deploy/local/src/aiops_*)),--package $(package))
SCRIPTS := deploy/local/bootstrap.py $(foreach tree,benchmarks deploy/compose deploy/grafana docs evals examples,$(wildcard $(tree)/*.py $(tree)/*/*.py))

##@ The stack
.PHONY: setup up down status logs demo trace jaeger prometheus
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
jaeger: setup ## Find or build Jaeger, which `make up` then uses (IF_POSSIBLE=1 makes do without)
	@$(LOCAL) jaeger $(if $(IF_POSSIBLE),--if-possible)
prometheus: setup ## Find or fetch Prometheus and promtool, for the tests of the alert rules (IF_POSSIBLE=1)
	@$(LOCAL).prometheus $(if $(IF_POSSIBLE),--if-possible)
trace: $(BIN)/python ## Show one trace: make trace ID=<trace id>
	@$(LOCAL).trace $(ID)

##@ The stack in containers
.PHONY: compose-up compose-down compose-demo virtualenv
compose-up: ## Build and start it, passwords in .local/compose.env (PROFILES=observability,llm)
	@$(PYTHON) deploy/compose/environment.py .local/compose.env "$(PROFILES)"
	@$(COMPOSE) up --build --detach --wait --wait-timeout 600
	@wanted=$$($(COMPOSE) config --services) && \
	  others=$$($(COMPOSE) --profile '*' config --services | grep -vxF "$$wanted"); \
	  [ -z "$$others" ] || $(COMPOSE) --profile '*' stop $$others
compose-down: ## Stop it; the data stays
	@$(COMPOSE) --profile '*' down
compose-demo: virtualenv compose-up ## Show the main job end to end on it; needs Docker and Python 3.11 only
	@$(LOCAL).demo.compose
virtualenv:
	@$(SETUP) --python-only

##@ Checks
.PHONY: test lint format types imports check-deploy test-unit test-integration test-conformity test-e2e test-faults
.PHONY: soak bench eval
test: setup lint types imports check-deploy ## Everything: lint, types, import rules, files for deployment, all tests
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
check-deploy: $(CHECKS)/.stamp ## Dockerfile, docker-compose.yml and all YAML
	$(CHECKS)/bin/hadolint Dockerfile
	$(CHECKS)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(CHECKS)/bin/yamllint --strict --config-file deploy/checks/yamllint.yaml .
	$(CHECKS)/bin/checkov --config-file deploy/checks/checkov.yaml
test-unit test-integration test-conformity test-e2e test-faults: test-%: setup ## One kind of tests
	$(BIN)/pytest tests/$*
soak: setup ## Steady load while parts are killed at random (MINUTES=10, SEED=)
	@PYTHONPATH=tests $(BIN)/python -m soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
bench: ## Speed against a peer, and what tracing costs, as ratios
	@$(SETUP) wrk
	$(BIN)/python benchmarks/pipeline.py
eval: setup ## Quality of the engines: make eval DATA=<directory> (AREAS="logs triage" JSON=1)
	@$(BIN)/python -m evals $(if $(DATA),$(DATA),evals/corpus) $(AREAS) $(if $(JSON),--json)

##@ Upkeep
.PHONY: docs dashboards graphiql lock clean help
docs: setup ## Write docs/ and the services' READMEs from the code
	@$(BIN)/python -m docs.generate
dashboards: setup ## Write Grafana's dashboards from deploy/grafana/boards
	@$(BIN)/python -m deploy.grafana.generate
graphiql: setup ## Build GraphiQL, which the gateway serves where GATEWAY_DEVELOPMENT=true
	@cd $(GRAPHIQL) && npm ci --include=dev --loglevel=error && npm run --silent build
lock: setup ## Pin every dependency anew
	$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 \
	  $(foreach group,build test bench,--group pyproject.toml:$(group)) --all-extras $(MEMBERS) \
	  --no-emit-package aiops-contracts --no-emit-package aiops-common -o requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 deploy/checks/requirements.in \
	  -o deploy/checks/requirements.lock
	@for tree in $(NODE_TREES); do (cd $$tree && npm install --package-lock-only --loglevel=error) || exit; done
clean: ## Stop everything; remove .venv, .local with all data, and what was built
	@if [ -f .local/compose.env ]; then $(COMPOSE) --profile '*' down --volumes || \
	  echo "docker compose failed; if containers are left: cd / && docker compose -p aiops down --volumes"; fi
	@if [ -d .local/run ]; then $(SETUP) && $(LOCAL) clean; fi
	rm -rf .venv $(CHECKS) .local $(addsuffix /node_modules,$(NODE_TREES)) $(GRAPHIQL)/dist
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
	  /^[a-z].*:.*## / { sub(/: test-%$$/, "", $$1); gsub(/ /, "|", $$1); printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(SETUP)

$(CHECKS)/.stamp: deploy/checks/requirements.lock | setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(CHECKS)
	$(BIN)/uv pip sync --quiet --python $(CHECKS) --require-hashes $<
	@touch $@
