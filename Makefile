# The habits of this project; CI calls the same targets.

.DEFAULT_GOAL := help
.PHONY: help run test lint docs bench bench-hostile bench-micro bench-instructions bench-sql crash rehearsal fuzz sbom prepare image up rotate down

# The queries are checked against the committed descriptions in .sqlx, not against a database that
# happens to be configured.
export SQLX_OFFLINE := true
# Where it is not the default, the image can't be built.
export DOCKER_BUILDKIT := 1

CYCLES ?= 200
ROWS ?= 20000000
DURATION ?= 10m
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := parameters text records requests
SOAK := cargo test --release --locked --test soak -- soak

help: ## What can be done here.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Start the service on this machine; set-up included, no configuration needed.
	@scripts/setup
	cargo run --release --locked

test: ## Every test, against a real Postgres; with a container engine, in containers, too; set-up included.
	@scripts/setup test
	cargo test --workspace --locked --no-fail-fast

lint: ## Formatting, clippy, documentation, dependencies, licences, what is in deploy.
	@scripts/setup
	cargo fmt --all --check
	cargo clippy --workspace --locked --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --locked --no-deps --document-private-items
	scripts/optional cargo-machete
	@cargo fetch --locked --quiet # cargo-deny reads the dependencies of every platform
	scripts/optional cargo-deny --offline check bans licenses sources
	@scripts/advisories
	@scripts/check-deploy

docs: ## The code's documentation, in the browser.
	cargo doc --workspace --locked --no-deps --document-private-items --open

bench: ## How fast callbacks are kept, beside what one would run otherwise; 10 minutes; writes docs/performance.md.
	@scripts/setup test
	@scripts/setup-servers bench
	cargo bench --locked --bench comparison

bench-micro: ## Parsing, charsets, the spool's records and batches, each by itself, beside the run before.
	@scripts/setup
	cargo bench --locked --features internals --bench micro

bench-instructions: ## The same, counted instead of timed: for machines that do other things, too. Needs valgrind.
	@scripts/setup
	@command -v valgrind >/dev/null || { echo "valgrind is missing: install it with your package manager" >&2; exit 1; }
	cargo bench --locked --features internals --bench micro -- --instructions

bench-hostile: ## What an attack costs the gateway: latencies beside those of a quiet run.
	@scripts/setup test
	$(SOAK) hostile

bench-sql: ## What 20 million rows cost callbacks and queries; ROWS=1000000 for less. Needs 15 GB of disk.
	@scripts/setup test
	ROWS=$(ROWS) $(SOAK) sql

crash: ## Kill and starve everything, CYCLES=200 times; ONLY=name picks what. Exit code 1 if it lost.
	@scripts/setup test
	CYCLES=$(CYCLES) ONLY=$(ONLY) $(SOAK) crash

rehearsal: ## simulate --verify for DURATION=10m while Postgres is killed every 20 s. Exit code 1 if it lost.
	@scripts/setup test
	DURATION=$(DURATION) $(SOAK) rehearsal

fuzz: ## Look for bytes that break what must hold, FUZZ_SECONDS=60 for each target (needs cargo-fuzz).
	@# No nightly: without unsafe code there is nothing for a sanitizer to find.
	set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/target/corpus/$$target; \
		scripts/optional cargo-fuzz run --sanitizer none $$target \
			fuzz/target/corpus/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=512 -verbosity=0 -print_final_stats=1; \
	done

sbom: ## What the program consists of, as CycloneDX, in target/sbom.cdx.json (needs cargo-cyclonedx).
	scripts/optional cargo-cyclonedx cyclonedx --format json --spec-version 1.5 --no-build-deps --override-filename sbom.cdx
	@[ ! -e sbom.cdx.json ] || mv sbom.cdx.json target/sbom.cdx.json
	@rm -f crates/*/sbom.cdx.json # one for each member of the workspace

prepare: ## After a change of a query: describe it again in .sqlx (needs sqlx-cli and DATABASE_URL).
	SQLX_OFFLINE=false cargo sqlx database setup
	SQLX_OFFLINE=false cargo sqlx prepare

version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
revision = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

image: ## The container image routo-receiver:latest, at most 40 MB.
	docker build --tag routo-receiver:latest --tag routo-receiver:$(version) \
	    --build-arg VERSION=$(version) --build-arg REVISION=$(revision) \
	    --build-arg CREATED=$(shell date -u +%Y-%m-%dT%H:%M:%SZ) .

up: image ## The whole deployment: HTTPS, the service and Postgres in containers, with secrets made for it.
	@deploy/compose/make-secrets
	@deploy/compose/up
	@deploy/compose/what-to-try

rotate: ## New credentials for the gateway; the old ones stay valid until `make rotate DONE=1`.
	@deploy/compose/rotate $(if $(DONE),done)

down: ## Stop that deployment. Its data and secrets stay.
	docker compose --profile monitoring --profile direct down
