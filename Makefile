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
LINK_KILLS ?= 100
SOAK     ?= 10m
CHAOS    ?= 10m
RATE     ?= 15000
STORM    ?= 1m
INTEROP  := pkg/watermillkafka/interop
MANIFESTS := deploy/kubernetes/check
RELEASE  := tools/release
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
TOOL     := $(GO) tool -modfile=tools/go.mod
PRODUCERS := examples/producers
PROTOS   := $(wildcard pkg/events/proto/spanway/v1/*.proto)
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
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/spanway
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN)/spanway ./cmd/spanway

CROSS := windows/amd64 darwin/arm64

# Packages whose names end in test are for tests, which stop processes by signals that Windows has not.

.PHONY: cross
cross: ## compile what is released, and what programs import, for other systems
	@for on in $(CROSS); do echo "go build for $$on"; CGO_ENABLED=0 GOOS=$${on%/*} GOARCH=$${on#*/} $(GO) build $$($(GO) list ./cmd/... ./pkg/... ./services/... ./examples/... | grep -v test$$) || exit 1; done

PLATFORMS ?= linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64
COMMITTED := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: dist
dist: ## archives for linux, darwin and windows, checksums and SBOMs, in build/dist (PLATFORMS=linux/amd64)
	cd $(RELEASE) && CGO_ENABLED=0 $(GO) build -trimpath -o $(CURDIR)/build/release .
	build/release -out build/dist -version $(VERSION) -time $(COMMITTED) -platforms $(PLATFORMS)

.PHONY: dist-check
dist-check: ## build the commit twice, in other directories, once with an empty cache: the bytes must be equal, and the binary says its version (DIST_CHECK=all: all platforms, not this one alone)
	cd $(RELEASE) && CGO_ENABLED=0 $(GO) build -trimpath -o $(CURDIR)/build/release .
	GO='$(GO)' $(RELEASE)/check.sh $(CURDIR)/build/release '$(VERSION)' $(COMMITTED) $(if $(filter all,$(DIST_CHECK)),$(PLATFORMS))

.PHONY: deps-check
deps-check: ## licences of all modules, no direct one in two majors, none archived; without a network, once the modules are there
	cd $(RELEASE) && CGO_ENABLED=0 $(GO) build -trimpath -o $(CURDIR)/build/deps ./deps
	@for module in . $(INTEROP) $(MANIFESTS) $(RELEASE); do (cd $$module && $(GO) list -deps -test ./... >/dev/null) || exit 1; done # Fetches what is missing.
	GOPROXY=off build/deps . $(INTEROP) $(MANIFESTS) $(RELEASE)

.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what is called (needs govulncheck and a network)
	@if ! command -v govulncheck >/dev/null; then \
		echo "*** SKIPPED: NOTHING WAS LOOKED UP: govulncheck is missing. go install golang.org/x/vuln/cmd/govulncheck@latest ***" >&2; \
		exit 0; \
	fi; \
	govulncheck ./...

# Packages of one thread: the race detector has nothing to find in them, and makes them
# take ten times as long. `make sim` runs all seeds of the simulation.
PURE := /(internal/(sim|replay|verify|kafka/batch)|services/scheduler/placement|services/allocator/idspace|services/replicator/mirror|pkg/queue/order|pkg/replication/links)(/|$$)

# Most tests wait for most of their time: for a group to notice that a member is gone, for
# a lease to end. So twice as many packages are tested at a time as there are processors,
# and in each as many of the tests that may run side by side. The longest begin first, or
# the last would run alone.
CPUS    := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
AT_ONCE ?= $(shell echo $$((2 * $(CPUS))))
# Little lives long in a test, so each collects garbage less often, within a bound: a quarter
# of the processor time. A process with the race detector waits for 50 ms when it ends, not for
# a second, for goroutines that are just reporting a race.
FEWER   := GOGC=400 GOMEMLIMIT=1GiB GORACE=atexit_sleep_ms=50
LONGEST := ./e2e ./cmd/spanway ./internal/kafka ./internal/run ./services/replicator/... ./pkg/watermillkafka

.PHONY: test
test: race-note ## all tests on embedded brokers, with the race detector (ten minutes on two cores)
	$(FEWER) $(GO) test $(RACE) -p $(AT_ONCE) -parallel $(AT_ONCE) -timeout 20m -skip 'Apache|RealRedis|Dissector' $$($(GO) list $(LONGEST) ./... | awk '!seen[$$0]++' | grep -Ev '$(PURE)')
	$(FEWER) $(GO) test -short -timeout 10m $$($(GO) list ./... | grep -E '$(PURE)')
	$(GO) test -run '^TestWatermillReconnect$$' ./pkg/watermillkafka
	cd $(INTEROP) && $(FEWER) $(GO) test $(RACE) ./...
	cd $(MANIFESTS) && $(GO) test -count 1 ./...
	cd $(RELEASE) && $(GO) test ./...
	@echo "Tests on a real Apache Kafka and a real Redis were left out: make test-kafka and make test-redis run them."
	@$(MAKE) --no-print-directory race-note

.PHONY: race-note
race-note:
ifeq ($(CC_FOUND),)
	@echo "*** NO C COMPILER: THE TESTS RUN WITHOUT THE RACE DETECTOR. Install gcc or clang. ***" >&2
	@if [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi
endif

# Other programs that read packets: what pkg/nsh writes is compared with what they read.
SCAPY := build/scapy

$(SCAPY)/.complete: pkg/nsh/testdata/requirements.txt
	rm -rf $(SCAPY) && python3 -m venv $(SCAPY) && $(SCAPY)/bin/pip install -q -r $< && touch $@

.PHONY: dissectors
dissectors: $(SCAPY)/.complete ## pkg/nsh beside tshark and scapy (needs tshark and Python 3)
	CI=true $(GO) test -count 1 -run Dissector ./pkg/nsh

# Packages whose tests start a real Kafka: these have Apache in their names.
USE_KAFKA = grep -rlE '^func Test\w*Apache' --include='*_test.go' . | xargs -n1 dirname | sort -u

.PHONY: test-kafka
test-kafka: ## the tests on real Apache Kafka, 4.3 and 3.9 (needs Java 17 and Maven)
	@if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then \
		echo "*** SKIPPED: NOTHING WAS TESTED ON A REAL KAFKA: java or mvn is missing. Install a JDK (17 or later) and Maven. ***" >&2; \
		if [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi; \
		exit 0; \
	fi; \
	$(MAKE) --no-print-directory kafka-jars producers-install; \
	packages=$$($(USE_KAFKA)); \
	echo "packages with tests on a real Kafka:" $$packages; \
	$(GO) test -p $(CPUS) -count 1 -timeout 20m -run Apache $$packages

# Packages whose tests start a real Redis: these have RealRedis in their names.
USE_REDIS = grep -rlE '^func Test\w*RealRedis' --include='*_test.go' . | xargs -n1 dirname | sort -u

.PHONY: test-redis
test-redis: ## the tests on a real Redis (needs redis-server)
	$(GO) test -p 1 -count 1 -timeout 10m -run RealRedis $$($(USE_REDIS))

.PHONY: kafka-jars
kafka-jars: $(VERSIONS:%=$(KAFKA)/%/.complete) ## fetch the jars of Apache Kafka with Maven

$(KAFKA)/%/.complete: internal/apache/jars/%/pom.xml
	mvn -B -q -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@

.PHONY: up
up: ## docker-compose.yml: two sites, traces, metrics (docs/compose.md); SECURE=1: with TLS, passwords and rights
	$(if $(SECURE),deploy/secure/secrets.sh)
	docker compose $(if $(SECURE),--file docker-compose.yml --file docker-compose.secure.yml) up --detach --wait

.PHONY: down
down: ## take it down again; volumes stay, but for those without a name, which nothing would find again
	docker compose --profile tools rm --stop --force --volumes
	docker compose --profile tools down --remove-orphans

COMPOSE  := build/compose
STANDINS := e2e/compose/standins

.PHONY: e2e-clocks
e2e-clocks: ## real processes whose clocks jump (compiles all of Go anew, the first time)
	$(GO) test -tags clocks -count 1 -timeout 10m ./internal/clockshift
	$(GO) test -tags clocks -count 1 -timeout 10m -run '^TestClocksJump$$' ./e2e

.PHONY: e2e-upgrade
e2e-upgrade: ## binaries of older commits and of this one, mixed, under load (needs the history, a minute or two)
	$(GO) test -tags upgrade -count 1 -timeout 10m -run '^TestUpgrade$$' ./e2e

.PHONY: e2e-compose
e2e-compose: ## docker-compose.yml, on a Docker engine of its own (needs root, docker.io, debootstrap)
	@if e2e/compose/run.sh require; then $(MAKE) --no-print-directory e2e-compose-run; \
	elif [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi

.PHONY: e2e-compose-run
e2e-compose-run: build $(COMPOSE)/bin/docker-compose $(COMPOSE)/jaeger/jaeger $(COMPOSE)/kafka/jre/release $(KAFKA)/4.3.0/.complete $(COMPOSE)/debian.tar
	rm -rf $(COMPOSE)/kafka/jars && mkdir -p $(COMPOSE)/kafka/jars && cp $(KAFKA)/4.3.0/*.jar $(COMPOSE)/kafka/jars
	for image in kafka redis jaeger prometheus golang; do mkdir -p $(COMPOSE)/$$image && cp $(STANDINS)/$$image/* $(COMPOSE)/$$image; done
	cp $(BIN)/spanway $(COMPOSE)/golang
	CGO_ENABLED=0 $(GO) test -c -tags compose -o $(COMPOSE)/e2e.test ./e2e/compose
	e2e/compose/run.sh test $(CURDIR)/$(COMPOSE)/e2e.test

$(COMPOSE)/bin/docker-compose: tools/compose/go.mod
	CGO_ENABLED=0 $(GO) build -trimpath -modfile $< -o $@ github.com/docker/compose/v2/cmd

$(COMPOSE)/jaeger/jaeger: tools/jaeger/go.mod
	CGO_ENABLED=0 $(GO) build -trimpath -modfile $< -o $@ github.com/jaegertracing/jaeger/cmd/jaeger

$(COMPOSE)/kafka/jre/release: $(STANDINS)/kafka/modules
	rm -rf $(@D) && mkdir -p $(dir $(@D))
	jlink --add-modules $$(cat $<) --strip-debug --no-man-pages --no-header-files --output $(@D)

$(COMPOSE)/debian.tar: $(STANDINS)/debian.sh
	@mkdir -p $(@D)
	$< $@

.PHONY: producers
producers: $(if $(shell command -v mvn),kafka-jars) producers-install ## the examples in Python, Node.js, Java and with kcat, on real Kafka
	$(GO) test -count 1 -timeout 10m -run '^TestApache(Producers|Consumer)' ./e2e

# What is missing is reported, and where CI=true refused, by the tests.
PYTHON_READY := $(PRODUCERS)/python/.venv/.complete
NODE_READY   := $(PRODUCERS)/node/node_modules/.complete
JAVA_READY   := $(PRODUCERS)/java/target/producer.jar

.PHONY: producers-install
producers-install: $(if $(shell command -v python3),$(PYTHON_READY)) $(if $(shell command -v npm),$(NODE_READY)) $(if $(shell command -v javac),$(JAVA_READY))

$(PYTHON_READY): $(PRODUCERS)/python/requirements.txt $(PROTOS)
	cd $(PRODUCERS)/python && python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && \
		.venv/bin/python -m grpc_tools.protoc -I ../../../pkg/events/proto --python_out=. $(PROTOS:pkg/events/proto/%=%)
	@touch $@

$(NODE_READY): $(PRODUCERS)/node/package-lock.json
	cd $(PRODUCERS)/node && npm ci --silent
	@touch $@

$(JAVA_READY): $(PRODUCERS)/java/pom.xml $(wildcard $(PRODUCERS)/java/src/main/java/spanway/example/*.java) $(PROTOS)
	mvn -B -q -f $< package

.PHONY: lint
lint: ## gofmt, go mod tidy, and golangci-lint with the laws of .golangci.yml
	@unformatted=$$(gofmt -l .); \
	if [[ -n "$$unformatted" ]]; then echo "not formatted, run gofmt -w:" $$unformatted >&2; exit 1; fi
	$(GO) mod tidy -diff
	cd $(INTEROP) && $(GO) mod tidy -diff
	cd $(MANIFESTS) && $(GO) mod tidy -diff
	cd $(RELEASE) && $(GO) mod tidy -diff
	CGO_ENABLED=0 $(LINT) run ./...
	cd $(INTEROP) && CGO_ENABLED=0 $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint run ./...
	cd $(MANIFESTS) && CGO_ENABLED=0 $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint run ./...
	cd $(RELEASE) && CGO_ENABLED=0 $(GO) tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint run ./...

.PHONY: generate
generate: ## generate code, JSON Schemas and docs from the schemas in pkg/events/proto
	CGO_ENABLED=0 $(TOOL) buf generate
	CGO_ENABLED=0 $(TOOL) buf generate --template buf.gen.schemas.yaml
	CGO_ENABLED=0 $(GO) run ./internal/wiredoc

.PHONY: generate-check
generate-check: ## fail if generated code is not up to date
	@sums() { find pkg/events docs deploy/acls -name '*.pb.go' -o -name acls.sh -o -path 'docs/schemas/*' -type f -o -name events.md -o -name topics.md -o -name metrics.md -o -name asyncapi.yaml | sort | xargs cksum; }; \
	before=$$(sums); \
	$(MAKE) --no-print-directory generate; \
	if [[ "$$before" != "$$(sums)" ]]; then \
		echo "generated code was not up to date: commit what 'make generate' made" >&2; exit 1; \
	fi

.PHONY: alerts-check
alerts-check: ## unit tests of the alert rules, with promtool (Debian: prometheus)
	@if ! command -v promtool >/dev/null; then \
		echo "*** SKIPPED: THE ALERT RULES WERE NOT TESTED: promtool is missing. Install Debian's prometheus. ***" >&2; \
		if [[ "$${CI:-}" == true ]]; then echo "CI=true: that is a failure." >&2; exit 1; fi; \
		exit 0; \
	fi; \
	cd deploy/prometheus && promtool check rules alerts.yml && promtool test rules alerts_test.yml

.PHONY: asyncapi-check
asyncapi-check: ## have the parser of the AsyncAPI project read docs/asyncapi.yaml (needs npm)
	cd tools/asyncapi && npm ci --silent --ignore-scripts
	node tools/asyncapi/check.js docs/asyncapi.yaml

.PHONY: demo
demo: ## checksum a tree of files on five engines, kill one, prove it all (DIR=...); then a network over two of three sites
	@sh examples/checksums/demo.sh DIR='$(DIR)'
	@sh examples/networks/demo.sh

.PHONY: bench
bench: build ## the benchmark of docs/benchmarks.md
	$(BIN)/spanway bench tasks

.PHONY: sim
sim: ## the simulation: thousands of seeds, or one of them again (SEED=...); and what make test does of cores in small
	$(GO) test -count 1 -v -run '^TestSim' ./internal/sim/... $(if $(SEED),-seed $(SEED))
ifeq ($(SEED),)
	$(GO) test -timeout 10m $$($(GO) list ./... | grep -E '$(PURE)' | grep -v /internal/sim)
endif

.PHONY: kills
kills: ## kill schedulers and engines at named points (KILLS=200)
	$(GO) test -count 1 -v -timeout 15m -parallel 8 -run '^TestKilledAtNamedPoints$$' ./e2e -kills $(KILLS)

.PHONY: link-kills
link-kills: ## kill replicators at named points (LINK_KILLS=100)
	$(GO) test -count 1 -v -timeout 30m -parallel 8 -run '^TestReplicatorsAreKilled$$' ./e2e -link-kills $(LINK_KILLS)

.PHONY: chaos
chaos: $(if $(shell command -v mvn),kafka-jars) ## everything is killed, stopped and lied to, half of the time on each broker (CHAOS=10m SEED=...)
	$(GO) test -tags chaos -count 1 -v -timeout 90m -run '^Test(Apache)?Chaos$$' ./e2e -chaos $(CHAOS) $(if $(SEED),-chaos-seed $(SEED))

.PHONY: storm
storm: ## members of a group restarted every two seconds (STORM=1m)
	$(GO) test -count 1 -v -timeout 10m -run '^TestRebalanceStorm$$' ./pkg/watermillkafka -storm $(STORM)

.PHONY: stress
stress: ## Watermill's stress test in full: ten suites at once
	$(GO) test -count 1 -timeout 20m -run '^TestStress$$' ./pkg/watermillkafka -whole-stress

.PHONY: bench-mirror
bench-mirror: build kafka-jars $(KAFKA)/mirror-4.3.0/.complete ## a replicator beside MirrorMaker 2, on Apache Kafka, with 0 and 50 ms of delay (an hour; SHORT=-short: five minutes)
	SPANWAY_BINARY=$(CURDIR)/$(BIN)/spanway $(GO) test ./internal/bench $(SHORT) -run '^$$' -bench MirrorOnApache -benchtime 1x -timeout 3h

.PHONY: bench-mirror-delay
bench-mirror-delay: build kafka-jars ## how late a replicator's copies are, on Apache Kafka (a minute)
	SPANWAY_BINARY=$(CURDIR)/$(BIN)/spanway $(GO) test ./internal/bench -run '^$$' -bench MirrorDelayOnApache -benchtime 3x -timeout 10m

.PHONY: bench-watermill
bench-watermill: ## the Watermill table of docs/benchmarks.md, beside watermill-kafka
	cd $(INTEROP) && $(GO) test -run '^$$' -bench . -benchtime 200000x -timeout 10m

.PHONY: soak
soak: ## ten minutes at half load: heap, goroutines and files must stay flat (SOAK=10m RATE=15000)
	$(GO) test -count 1 -v -timeout 60m -run '^TestSoak$$' ./e2e -soak $(SOAK) -soak-rate $(RATE)

ZIPKIN := build/zipkin/zipkin.jar

.PHONY: trace-picture
trace-picture: $(ZIPKIN) ## take the picture of docs/tracing.md (needs Java, Maven and Chromium)
	tools/zipkin/picture.sh $(ZIPKIN) docs/images/trace.png

$(ZIPKIN): tools/zipkin/pom.xml
	mvn -B -q -f $< dependency:copy -DoutputDirectory=$(CURDIR)/$(@D)

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
