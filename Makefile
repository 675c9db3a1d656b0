# The habits of this project; CI calls the same targets.

.DEFAULT_GOAL := help
.PHONY: help run test lint docs bench bench-hostile bench-micro bench-instructions bench-sql crash rehearsal fuzz sbom prepare image up down

# Queries are checked against the committed descriptions in .sqlx, even if DATABASE_URL is set.
export SQLX_OFFLINE := true
# The image needs BuildKit, which is not every version's default.
export DOCKER_BUILDKIT := 1

CYCLES ?= 200
ROWS ?= 20000000
DURATION ?= 10m
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := parameters text records requests
SOAK := cargo test --release --locked --test soak -- soak

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Start the service on this machine. Installs what it needs; no configuration required.
	@scripts/setup
	cargo run --release --locked

test: ## Run every test against a real Postgres, and in containers if there is an engine. Installs what it needs.
	@scripts/setup test
	cargo test --workspace --locked --no-fail-fast

lint: ## Check formatting, clippy, documentation, dependencies, licences and the files in deploy/.
	@scripts/setup
	cargo fmt --all --check
	cargo clippy --workspace --locked --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --locked --no-deps --document-private-items
	scripts/optional cargo-machete
	@cargo fetch --locked --quiet # cargo-deny reads the dependencies of every platform
	scripts/optional cargo-deny --offline check bans licenses sources
	@scripts/advisories
	@scripts/check-deploy

docs: ## Open the code's documentation in the browser.
	cargo doc --workspace --locked --no-deps --document-private-items --open

bench: ## Compare throughput and latency with alternatives; takes 10 minutes and writes docs/performance.md.
	@scripts/setup test
	@scripts/setup-bench
	cargo bench --locked --bench comparison

bench-micro: ## Time parsing, charsets, spool records and batches, compared with the previous run.
	@scripts/setup
	cargo bench --locked --features internals --bench micro

bench-instructions: ## Count the instructions of the same, which works on a busy machine too. Needs valgrind.
	@scripts/setup
	@command -v valgrind >/dev/null || { echo "valgrind is missing: install it with your package manager" >&2; exit 1; }
	cargo bench --locked --features internals --bench micro -- --instructions

bench-hostile: ## Measure the gateway's latency during attacks, compared with a quiet run.
	@scripts/setup test
	$(SOAK) hostile

bench-sql: ## Measure callbacks and queries with ROWS=20000000 rows. Needs 15 GB of disk.
	@scripts/setup test
	ROWS=$(ROWS) $(SOAK) sql

crash: ## Kill and starve the service and Postgres, CYCLES=200 times; ONLY=name runs one scenario. Exit code 1 if anything was lost.
	@scripts/setup test
	CYCLES=$(CYCLES) ONLY=$(ONLY) $(SOAK) crash

rehearsal: ## Run simulate --verify for DURATION=10m while Postgres is killed every 20 s. Exit code 1 if anything was lost.
	@scripts/setup test
	DURATION=$(DURATION) $(SOAK) rehearsal

fuzz: ## Fuzz each target for FUZZ_SECONDS=60. Needs cargo-fuzz.
	@# Sanitizers need nightly, and find nothing in code without `unsafe`.
	set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/target/corpus/$$target; \
		scripts/optional cargo-fuzz run --sanitizer none $$target \
			fuzz/target/corpus/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=512 -verbosity=0 -print_final_stats=1; \
	done

sbom: ## Write the bill of materials (CycloneDX) to target/sbom.cdx.json. Needs cargo-cyclonedx.
	scripts/optional cargo-cyclonedx cyclonedx --format json --spec-version 1.5 --no-build-deps --override-filename sbom.cdx
	@[ ! -e sbom.cdx.json ] || mv sbom.cdx.json target/sbom.cdx.json
	@rm -f crates/*/sbom.cdx.json # one for each member of the workspace

prepare: ## Update .sqlx after a change of a query. Needs sqlx-cli and DATABASE_URL.
	SQLX_OFFLINE=false cargo sqlx database setup
	SQLX_OFFLINE=false cargo sqlx prepare

version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
revision = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

image: ## Build the container image routo-receiver:latest, at most 40 MB.
	docker build --tag routo-receiver:latest --tag routo-receiver:$(version) \
	    --build-arg VERSION=$(version) --build-arg REVISION=$(revision) \
	    --build-arg CREATED=$(shell date -u +%Y-%m-%dT%H:%M:%SZ) .

up: image ## Start the whole deployment in containers: HTTPS, the service and Postgres, with generated secrets.
	@deploy/compose/make-secrets
	docker compose up --detach --no-build --wait
	@deploy/compose/what-to-try

down: ## Stop that deployment. Its data and secrets stay.
	docker compose --profile monitoring down
