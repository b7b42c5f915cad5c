# What a newcomer and CI need. Every target sets up what it stands on; nothing is done twice.
#
#   make test PG=17          another major: its packages, or a server built from Debian's source
#   PG_CONFIG=… make install into the PostgreSQL that this pg_config belongs to

PG        ?= 15
# Looked for when it is needed: `make deps` may have brought it.
PG_CONFIG ?= $(shell PG=$(PG) pg_test/setup/postgres which)

export PG PG_CONFIG
export PGRX_HOME := $(CURDIR)/.tools/pgrx
export PATH      := $(CURDIR)/.tools/bin:$(PATH)

EXTENSION := --no-default-features --features pg$(PG)
SERVERLESS := --no-default-features
SOURCES   := Cargo.toml Cargo.lock pg_accord.control $(shell find src sql -type f)
PACKAGE   := target/package-pg$(PG)
SERVER    := .tools/server-$(PG)

.PHONY: help deps build install server released browser test test-core pure server-tests demo demo-fleet soak torture bench bench-size bench-bloat bench-replicas bench-fleet peers check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  while IFS='|' read -r name what; do printf '  make %-13s %s\n' "$$name" "$$what"; done

deps: ## install what is missing: apt packages, cargo-pgrx into .tools
	@pg_test/setup/deps

build: deps $(PACKAGE)/built ## build the extension

$(PACKAGE)/built: $(SOURCES) | deps
	@# As old as what it was built from: a source that changes meanwhile is built again.
	@mkdir -p $(PACKAGE) && touch $(PACKAGE)/begun
	cargo pgrx package --pg-config $(PG_CONFIG) --out-dir $(PACKAGE) $(EXTENSION)
	@# Released scripts too: an update starts from one.
	@cp sql/pg_accord--*.sql $(PACKAGE)"$$($(PG_CONFIG) --sharedir)/extension/"
	@mv $(PACKAGE)/begun $@

install: deps ## install into the PostgreSQL that PG_CONFIG names
	cargo pgrx install --release --pg-config $(PG_CONFIG) $(EXTENSION)

# A copy of the server below .tools with the extension in it: the system's installation is left alone.
server: $(SERVER)/installed

$(SERVER)/installed: $(PACKAGE)/built pg_test/setup/server
	@pg_test/setup/server $(PACKAGE)

released: deps ## build the first release beside this one, for the tests of updates
	@pg_test/setup/released 0.1.0 c1637d0

browser: deps ## install a browser, for the test that looks at the fleet's report in one
	@pg_test/setup/browser

test: pure server-tests ## run every test

# Reading, planning and the handshake, and beside every other major whose server is here: what they read of the
# same DDL, and a source and a replica of two majors. `make server` (15) first makes it two.
test-core: server ## run the core on another major: make test-core PG=17
	RUST_TEST_THREADS=3 cargo test $(SERVERLESS) --test catalog --test majors
	RUST_TEST_THREADS=3 cargo test $(SERVERLESS) --test plan -- single_changes single_properties
	RUST_TEST_THREADS=3 cargo test $(SERVERLESS) --test clusters handshake

pure: deps ## run the tests that need no server
	cargo test $(SERVERLESS) --lib --test fuzz

server-tests: server browser ## run the tests against throwaway clusters
	RUST_TEST_THREADS=3 cargo test $(SERVERLESS) --test regress --test catalog --test plan --test clusters --test histories --test fleet --test majors --test torture
	SEED=7 CHANGES=40 cargo test $(SERVERLESS) --test soak
	SEED=7 CHANGES=40 CARRIER=stream cargo test $(SERVERLESS) --test soak

demo: server ## watch the main job on two throwaway clusters
	@cargo run --quiet $(SERVERLESS) --example demo

soak: server ## write rows while the schema changes at random: make soak SEED=1 CHANGES=500 (or MINUTES=10) CARRIER=stream STREAMING=on
	SEED=$(or $(SEED),1) CHANGES=$(or $(CHANGES),500) MINUTES=$(MINUTES) CARRIER=$(CARRIER) STREAMING=$(STREAMING) cargo test $(SERVERLESS) --test soak

torture: server ## change the schema while everything fails: make torture SEED=1 MINUTES=10 (TRANSACTIONS=10000)
	SEED=$(or $(SEED),1) MINUTES=$(MINUTES) TRANSACTIONS=$(TRANSACTIONS) cargo test $(SERVERLESS) --test torture

demo-fleet: server ## watch twelve databases drift and come back
	@cargo run --quiet $(SERVERLESS) --example fleet-demo

bench: server ## print the figures
	@cargo run --quiet --release $(SERVERLESS) --example bench

bench-size: server ## print the figures of a large catalog (TABLES=10000, beside pg_dump -s)
	@cargo run --quiet --release $(SERVERLESS) --example size -- $(or $(TABLES),10000)

bench-bloat: server ## print what the tables weigh while events come and go (EVENTS=1000000; OTHERS=yes: of a schema that the replica does not mirror)
	@cargo run --quiet --release $(SERVERLESS) --example bloat -- $(or $(EVENTS),1000000) $(OTHERS)

bench-replicas: server ## print the figures of 20 replicas on one source, and of one that was away (AWAY=10000 versions; ONLY=away)
	@cargo run --quiet $(SERVERLESS) --example replicas -- $(or $(AWAY),10000) $(ONLY)

peers: server ## compare with other tools over single changes, into docs/peers.md and the README
	@pg_test/setup/peers
	@cargo run --quiet $(SERVERLESS) --example peers

bench-fleet: server ## print the figures of a fleet (DATABASES=500 of 200 tables, beside pg_dump -s | diff)
	@cargo run --quiet $(SERVERLESS) --example fleet-bench -- $(or $(DATABASES),500)

check: deps ## formatting, lints of the pure part and of the extension, licences and sources of dependencies
	@pg_test/setup/deps --check
	cargo fmt --all --check
	cargo clippy $(SERVERLESS) --all-targets -- -D warnings
	cargo clippy --release $(EXTENSION) --lib -- -D warnings
	cargo deny --locked check bans licenses sources

clean: ## remove what was built (.tools/bin and .tools/pgrx stay)
	@pg_test/setup/server --remove
	rm -rf target
