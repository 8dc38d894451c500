# The verbs of a kubebuilder project. "make help" lists them; the work is done by meson and hack/.

CACHE    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/memcached-operator
# kubectl of your PATH, else the one that hack/cluster has built.
ifeq ($(KUBECTL),)
KUBECTL  := $(or $(shell command -v kubectl),$(lastword $(wildcard $(CACHE)/kubernetes-*/kubectl)),kubectl)
endif
# The operator's image, for "make image" and "make deploy".
IMG      ?= memcached-operator:0.1.0
# Flags for "make run", as in make run ARGS="--leader-elect --zap-log-level=info".
ARGS     ?=
BINARY   := build/memcached-operator

export KUBECTL IMG

.DEFAULT_GOAL := build

##@ Build

.PHONY: deps
deps: ## Install what building and testing need, with apt
	@hack/deps

.PHONY: build
build: build/build.ninja ## Build build/memcached-operator
	@ninja -C build $(NINJA_QUIET) memcached-operator

.PHONY: build-debug
build-debug: build-debug/build.ninja ## Build with AddressSanitizer and UBSan, in build-debug
	@ninja -C build-debug $(NINJA_QUIET)

# Under "make --silent", only what goes wrong is shown.
NINJA_QUIET := $(if $(findstring s,$(firstword -$(MAKEFLAGS))),--quiet)

build/build.ninja:
	@command -v meson >/dev/null || { echo "meson is not there: run \"make deps\" first" >&2; exit 1; }
	@meson setup build >/dev/null || { meson setup build; exit 1; }

# Undefined symbols are those of the sanitizer's runtime.
build-debug/build.ninja:
	@command -v meson >/dev/null || { echo "meson is not there: run \"make deps\" first" >&2; exit 1; }
	@meson setup build-debug --buildtype=debug -Db_sanitize=address,undefined -Db_lundef=false >/dev/null

.PHONY: image
image: build ## Build the operator's image IMG and write it to build/image.tar
	@hack/image

.PHONY: image-push
image-push: build ## Build it and send it to the registry that IMG begins with
	@hack/image --push

.PHONY: clean
clean: ## Remove all that was built; the cache of hack/cluster stays
	@rm -rf build build-debug build-clang build-gcc build-analyzer build-fuzz build-coverage

##@ Run

.PHONY: install
install: ## Put the CRD into the cluster of your kubeconfig, with CEL rules if its server has CEL
	@hack/crd install

.PHONY: uninstall
uninstall: ## Remove the CRD, and with it every Memcached
	@$(KUBECTL) delete --ignore-not-found -k config/crd

.PHONY: run
run: build ## Run the operator here, against the cluster of your kubeconfig (flags in ARGS)
	@exec $(BINARY) $(ARGS)

.PHONY: deploy
deploy: ## Run the operator as IMG in the cluster of your kubeconfig
	@hack/deploy

.PHONY: undeploy
undeploy: ## Remove the deployed operator and the CRD
	@hack/deploy --remove

.PHONY: demo
demo: ## Show everything, from dependencies to real memcached pods (other cluster: DEMO_KUBECONFIG)
	@hack/demo

##@ Test

.PHONY: test
test: deps ## Run all tests: unit, with sanitizers too, fuzz corpora, simulator, end-to-end
	@hack/test

.PHONY: test-unit
test-unit: ## Run the unit tests
	@hack/test unit

.PHONY: test-sanitize
test-sanitize: ## Run the unit tests with AddressSanitizer and UBSan
	@hack/test sanitize

.PHONY: test-e2e
test-e2e: ## Run the end-to-end tests on clusters of their own
	@hack/test e2e

# Words for hack/sim, from SEED, RUNS, CLASS, CASE, MANY, REPLAY, GOLDEN.
SIM_WORDS := $(if $(REPLAY),replay $(REPLAY) --logs,$(if $(GOLDEN),golden --$(GOLDEN),$(if $(CLASS),class $(CLASS) \
	$(if $(CASE),--case $(CASE) --logs) $(if $(MANY),--many),hunt --seed $(or $(SEED),1) --runs $(or $(RUNS),$(if $(SEED),1,10000)))))

.PHONY: sim
sim: ## Simulate: random runs (SEED, RUNS), a class of faults (CLASS, CASE, MANY=1), or one run again (REPLAY=FILE)
	@hack/sim $(SIM_WORDS)

.PHONY: soak
soak: ## Simulate for long: every case of every class, a million random runs
	@hack/sim --soak

.PHONY: fuzz
fuzz: ## Fuzz whatever reads bytes from outside, FUZZ_SECONDS=60 each (FUZZ_TARGETS: only these)
	@hack/fuzz

.PHONY: mutants
mutants: build/build.ninja ## Plant known bugs in the core, and see whether the simulator notices (hack/mutants NAME: one of them)
	@hack/mutants

.PHONY: lint
lint: ## Check warnings, layout, purity, includes, hardening, scripts, manifests
	@hack/lint

.PHONY: format
format: ## Lay out the C files with clang-format 14
	@hack/lint --format

.PHONY: bench
bench: build ## Measure speed and memory beside their floors
	@hack/bench

.PHONY: test-chaos
test-chaos: ## Break real clusters under load, and print what it cost: 10 minutes
	@hack/test chaos

##@ Local cluster

.PHONY: cluster-up
cluster-up: ## Start a real single-node Kubernetes on this machine
	@hack/cluster up

.PHONY: cluster-down
cluster-down: ## Remove it without a trace
	@hack/cluster down

##@ Help

.PHONY: help
help: ## List these verbs
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make VERB [KUBECTL=…] [IMG=…] [ARGS=…]"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
