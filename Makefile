# Spanway. `make` alone prints what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
BIN      := bin
KAFKA    := build/kafka
VERSIONS := 4.3.0 3.9.2
DIR      ?=
SEED     ?=
FUZZTIME ?= 10s
KILLS    ?= 200
SOAK     ?= 10m
RATE     ?= 20000
STORM    ?= 1m
INTEROP  := pkg/watermillkafka/interop
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
TOOL     := $(GO) tool -modfile=tools/go.mod
LINT     := $(GO) tool -modfile=tools/lint/go.mod golangci-lint

# The race detector needs a C compiler. Without one the tests run without it
# and say so; where CI=true that is a failure.
CC_FOUND := $(shell command -v "$${CC:-$$($(GO) env CC 2>/dev/null)}" 2>/dev/null)
RACE     := $(if $(CC_FOUND),-race)
ifeq ($(CC_FOUND),)
export CGO_ENABLED = 0
else
export CGO_ENABLED = 1
endif

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/spanway
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN)/spanway ./cmd/spanway

.PHONY: test
test: race-note ## all tests on embedded brokers, with the race detector (under 10 minutes)
	$(GO) test $(RACE) -timeout 10m -skip Apache ./...
	$(GO) test -run '^TestWatermillReconnect$$' ./pkg/watermillkafka
	cd $(INTEROP) && $(GO) test $(RACE) ./...
	@echo "Tests on a real Apache Kafka were left out: make test-kafka runs them."
	@$(MAKE) --no-print-directory race-note

.PHONY: race-note
race-note:
ifeq ($(CC_FOUND),)
	@echo "*** NO C COMPILER: THE TESTS RUN WITHOUT THE RACE DETECTOR. Install gcc or clang. ***" >&2
	@if [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi
endif

# Packages whose tests start a real Kafka: these have Apache in their names.
USE_KAFKA = grep -rlE '^func Test\w*Apache' --include='*_test.go' . | xargs -n1 dirname | sort -u

.PHONY: test-kafka
test-kafka: ## the tests on real Apache Kafka, 4.3 and 3.9 (needs Java 17 and Maven)
	@if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then \
		echo "*** SKIPPED: NOTHING WAS TESTED ON A REAL KAFKA: java or mvn is missing. Install a JDK (17 or later) and Maven. ***" >&2; \
		if [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi; \
		exit 0; \
	fi; \
	make --no-print-directory kafka-jars; \
	packages=$$($(USE_KAFKA)); \
	echo "packages with tests on a real Kafka:" $$packages; \
	$(GO) test -p 1 -count 1 -timeout 15m -run Apache $$packages

.PHONY: kafka-jars
kafka-jars: $(VERSIONS:%=$(KAFKA)/%/.complete) ## fetch the jars of Apache Kafka with Maven

$(KAFKA)/%/.complete: internal/apache/jars/%/pom.xml
	mvn -B -q -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@

.PHONY: lint
lint: ## gofmt, go mod tidy, and golangci-lint with the laws of .golangci.yml
	@unformatted=$$(gofmt -l .); \
	if [[ -n "$$unformatted" ]]; then echo "not formatted, run gofmt -w:" $$unformatted >&2; exit 1; fi
	$(GO) mod tidy -diff
	cd $(INTEROP) && $(GO) mod tidy -diff
	CGO_ENABLED=0 $(LINT) run ./...
	cd $(INTEROP) && CGO_ENABLED=0 $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint run ./...

.PHONY: generate
generate: ## generate code from the schemas in pkg/events/proto
	CGO_ENABLED=0 $(TOOL) buf generate

.PHONY: generate-check
generate-check: ## fail if generated code is not up to date
	@before=$$(cksum pkg/events/*.pb.go); \
	$(MAKE) --no-print-directory generate; \
	if [[ "$$before" != "$$(cksum pkg/events/*.pb.go)" ]]; then \
		echo "generated code was not up to date: commit what 'make generate' made" >&2; exit 1; \
	fi

.PHONY: demo
demo: ## checksum a tree of files on five engines, kill one, prove it all (DIR=...)
	@sh examples/checksums/demo.sh DIR='$(DIR)'

.PHONY: bench
bench: build ## the benchmark of docs/benchmarks.md
	$(BIN)/spanway bench tasks

.PHONY: sim
sim: ## the simulation: thousands of seeds, or one of them again (SEED=...)
	$(GO) test -count 1 -v -run '^TestSim' ./internal/sim $(if $(SEED),-seed $(SEED))

.PHONY: kills
kills: ## kill schedulers and engines at named points (KILLS=200)
	$(GO) test -count 1 -v -timeout 15m -parallel 8 -run '^TestKilledAtNamedPoints$$' ./e2e -kills $(KILLS)

.PHONY: storm
storm: ## members of a group restarted every two seconds (STORM=1m)
	$(GO) test -count 1 -v -timeout 10m -run '^TestRebalanceStorm$$' ./pkg/watermillkafka -storm $(STORM)

.PHONY: stress
stress: ## Watermill's stress test in full: ten suites at once
	$(GO) test -count 1 -timeout 20m -run '^TestStress$$' ./pkg/watermillkafka -whole-stress

.PHONY: bench-watermill
bench-watermill: ## the Watermill table of docs/benchmarks.md, beside watermill-kafka
	cd $(INTEROP) && $(GO) test -run '^$$' -bench . -benchtime 200000x -timeout 10m

.PHONY: soak
soak: ## ten minutes at half load: heap, goroutines and files must stay flat (SOAK=10m RATE=20000)
	$(GO) test -count 1 -v -timeout 60m -run '^TestSoak$$' ./e2e -soak $(SOAK) -soak-rate $(RATE)

.PHONY: fuzz
fuzz: ## every fuzz test for a short while (FUZZTIME=10s)
	@grep -roE '^func Fuzz\w+' --include='*_test.go' . | sed 's#/[^/]*:func # #' | sort | \
	while read -r package name; do \
		echo "== $$package $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package"; \
	done

.PHONY: cover
cover: ## test coverage, as build/coverage.html
	@mkdir -p build
	$(GO) test -skip Apache -coverpkg ./... -coverprofile build/coverage.out ./...
	$(GO) tool cover -html build/coverage.out -o build/coverage.html
	@$(GO) tool cover -func build/coverage.out | tail -1

.PHONY: clean
clean: ## remove what was built (the jars of Kafka stay)
	rm -rf $(BIN) build/coverage.*
