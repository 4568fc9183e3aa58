# Everything starts here. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLUSTER := tests/cluster/cluster

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(VENV)/.installed ## a .venv with .venv/bin/oomreport, exactly as locked (about half a minute)

$(VENV)/.installed: pyproject.toml uv.lock tests/install
	@$(PYTHON) tests/install

.PHONY: demo
demo: install ## the main job: a real cluster, real OOM kills, the reports (the first native cluster compiles for about 15 minutes)
	@$(BIN)/python tests/demo.py

.PHONY: test
test: install ## all tests that can run here, unit tests under every Python >= 3.11; at the end what could not, and why
	@$(BIN)/python tests/run.py

.PHONY: laws
laws: install ## every law with new examples, twenty times as many, and inputs of 4 MB (about three quarters of an hour)
	@OOMREPORT_EXAMPLES=20 $(BIN)/python -m pytest -q tests/property tests/unit
	@OOMREPORT_DOUBLING_KB=4096 $(BIN)/python -m pytest -q tests/property/test_doubling.py

.PHONY: ablation
ablation: install ## switch off every mechanism of framing in turn: which golden logs change
	@$(BIN)/python tests/ablation.py

.PHONY: check
check: install ## ruff, mypy --strict, the import contracts, CRD drift, the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m oomreport.api.crd --check --out crds
	$(BIN)/python manifests/prometheus_rule.py --check
	$(BIN)/python tests/house.py

.PHONY: maps
maps: install ## write the map of modules into each package's docstring
	@$(BIN)/python tests/house.py --write

.PHONY: crds
crds: install ## generate crds/ from the models
	$(BIN)/python -m oomreport.api.crd --out crds

.PHONY: bench-latency
bench-latency: install ## from the kernel's stamp to the report's write, over 100 real kills
	@$(BIN)/python tests/bench/latency.py

.PHONY: bench-parse
bench-parse: install ## logs of 1 GB through our parser and through cAdvisor's
	@$(BIN)/python tests/bench/bench_parse.py

.PHONY: bench-agent
bench-agent: install ## memory and processor time of the agent with 250 containers, and in a storm of 6 000 kills (about 8 minutes)
	@$(BIN)/python tests/bench/bench_agent.py

.PHONY: bench-guest
bench-guest: install ## the agent on a node with cgroup v2 and systemd: start, memory, processor time
	@$(BIN)/python tests/bench/guest_agent.py

.PHONY: bench-advice
bench-advice: install ## workloads of known demand under our advice, VPA's and KRR's (about 3 minutes on two cores)
	@$(BIN)/python tests/bench/bench_advice.py

.PHONY: bench-programs
bench-programs: install ## real programs under limits that are too low, killed, advised, applied, until quiet (about 15 minutes)
	@$(BIN)/python tests/bench/bench_programs.py

.PHONY: bench-scale
bench-scale: install ## the controller beside PODS=10000 pods: start, quiet events, kills under churn, a storm (about 10 minutes)
	@$(BIN)/python tests/bench/bench_scale.py

.PHONY: bench-nodes
bench-nodes: install ## the agents of NODES=5000 nodes at one API server: steady kills, a storm, an outage (about 5 minutes)
	@$(BIN)/python tests/bench/bench_nodes.py

.PHONY: soak
soak: install ## KILLS=10000 real kills while agent, controllers, API server and kernel log fail, SEED (about 40 minutes)
	@$(BIN)/python tests/soak/soak.py

.PHONY: bench-metrics
bench-metrics: install ## one scrape of the controller with 1 000 and 5 000 reports: series, bytes, processor time
	@$(BIN)/python tests/bench/bench_metrics.py

.PHONY: bench-hooks
bench-hooks: install ## 1 000 deliveries to a receiver that misbehaves, while the controller is killed ten times (about 5 minutes)
	@$(CLUSTER) --name bench-hooks up --api-only
	@OOMREPORT_HOOK_DELIVERIES=1000 OOMREPORT_HOOK_CRASHES=10 $(CLUSTER) --name bench-hooks exec -- \
		$(CURDIR)/$(BIN)/python -m pytest -q -s tests/integration/controller/test_hook_chaos.py | grep -e lost -e passed -e failed; \
		status=$$?; $(CLUSTER) --name bench-hooks down; exit $$status

.PHONY: pictures
pictures: install ## the pictures of the README, of what the command prints today (the page needs Chromium)
	@$(BIN)/python tests/pictures.py

.PHONY: release-dry
release-dry: install ## everything that a release publishes, below dist/release: wheel, chart, manifests, image list, SBOM, checksums
	@$(BIN)/python release/dry.py

.PHONY: clean
clean: ## stop the clusters and remove what was made in this checkout (the caches outside stay)
	-@$(CLUSTER) down
	rm -rf $(VENV) $(VENV)-* dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
