# Everything a developer or an operator types. Recipes are short: the logic is in deploy/local and the tools.
#
#   make setup && make up        LLM=scripted adds a scripted language model
#   make test && make demo       what continuous integration runs

.DEFAULT_GOAL := help
# Targets share one stack and one .venv, so they run one after another under `make -j` too, but for the tests' two halves.
ifndef HALVES
.NOTPARALLEL:
endif

PYTHON ?= python3
MINUTES ?= 10
SEED ?=
PROFILES ?=
BIN := .venv/bin
CHECKS := .venv-checks
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
LOCAL := $(BIN)/python -m aiops_local
COMPUTING := tests/architecture tests/conformity tests/contract tests/unit tests/integration/k8s
SETUP := $(PYTHON) deploy/local/bootstrap.py
COMPOSE := docker compose --env-file .local/compose.env
GRAPHIQL := services/gateway/graphiql
NODE_TREES := $(GRAPHIQL) tests/conformity
MEMBERS := $(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)) deploy/local/pyproject.toml
PACKAGES := $(foreach package,$(notdir $(wildcard libs/*/src/aiops_* services/*/src/aiops_* deploy/local/src/aiops_*)),--package $(package))
SCRIPTS := deploy/local/bootstrap.py $(foreach tree,benchmarks deploy/backup deploy/bluegreen deploy/checks deploy/compose deploy/grafana deploy/k8s docs evals examples,$(wildcard $(tree)/*.py $(tree)/*/*.py))

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

##@ The stack on Kubernetes (deploy/k8s)
.PHONY: kustomize k8s-secrets k8s-topology k8s-render k8s-validate
OVERLAYS := .local/k8s
kustomize: setup ## Find kustomize, in kubectl or by itself, or build it with Go (IF_POSSIBLE=1 makes do without)
	@$(LOCAL).kustomize_program $(if $(IF_POSSIBLE),--if-possible)
k8s-secrets: ## Make the secrets of overlays/dev at random, once; then: kubectl apply -k deploy/k8s/overlays/dev
	@$(PYTHON) -m deploy.k8s.dev_secrets
k8s-topology: setup ## Write the broker's objects from deploy/rabbitmq/topology.yaml
	@$(BIN)/python -m deploy.k8s.broker_objects
k8s-render: setup ## Render all overlays into .local/k8s; names what is missing
	@$(BIN)/python -m deploy.k8s.render $(OVERLAYS)
k8s-validate: $(CHECKS)/.stamp k8s-secrets k8s-render ## Check them against their schemas and for safety (K8S_CRDS=<directory>)
	$(BIN)/python -m deploy.k8s.broker_objects --check
	$(CHECKS)/bin/yamllint --strict --config-file deploy/checks/yamllint.yaml deploy/k8s
	$(CHECKS)/bin/kubernetes-validate --kubernetes-version 1.32 --strict --quiet --no-warn $(OVERLAYS)/*.yaml
	$(CHECKS)/bin/python -m deploy.k8s.custom_resources $(OVERLAYS)/*.yaml
	$(CHECKS)/bin/checkov --config-file deploy/checks/checkov-k8s.yaml --directory $(OVERLAYS)

##@ Checks
.PHONY: test lint format types imports check-deploy test-unit test-integration test-conformity test-e2e test-faults
.PHONY: soak bench eval tests-that-compute tests-that-wait
test: setup lint types imports check-deploy ## Everything: lint, types, import rules, files for deployment, all tests
	@$(MAKE) --no-print-directory --jobs 2 HALVES=1 tests-that-compute tests-that-wait
# The one half computes, the other mostly waits for servers: side by side they take as long as the second alone.
tests-that-compute:
	@$(BIN)/pytest --quiet $(COMPUTING) > .local/tests-that-compute.txt 2>&1; code=$$?; \
	  [ $$code -eq 0 ] || cat .local/tests-that-compute.txt; \
	  echo '$(COMPUTING):'; grep -E '^SKIPPED| (passed|failed)' .local/tests-that-compute.txt; exit $$code
tests-that-wait:
	@$(BIN)/pytest $(addprefix --ignore=,$(COMPUTING))
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
check-deploy: $(CHECKS)/.stamp ## Dockerfile, compose, workflows, all YAML, the locks of migrations, and deploy/k8s
	$(CHECKS)/bin/hadolint Dockerfile
	$(CHECKS)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(CHECKS)/bin/yamllint --strict --config-file deploy/checks/yamllint.yaml .
	$(CHECKS)/bin/checkov --config-file deploy/checks/checkov.yaml
	$(CHECKS)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(CHECKS)/bin/zizmor --offline --quiet .github/workflows
	@if GOBIN=$(abspath $(CHECKS))/bin go install $(ACTIONLINT) 2> /dev/null; then \
	  $(CHECKS)/bin/actionlint .github/workflows/*.yaml; else echo "left out: actionlint, which a recent Go builds"; fi
	$(BIN)/python -m deploy.checks.migrations $(CHECKS)/bin/squawk
	@if $(LOCAL).kustomize_program; then $(MAKE) --no-print-directory k8s-validate; \
	  else echo 'deploy/k8s was not checked: see above'; fi
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
