# The habits of this project; CI calls the same targets.

.DEFAULT_GOAL := help
.PHONY: help run test lint docs bench bench-sql crash fuzz sbom prepare

# The queries are checked against the committed descriptions in .sqlx, not against a database that
# happens to be configured.
export SQLX_OFFLINE := true

CYCLES ?= 200
ROWS ?= 20000000
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := parameters text records requests

help: ## What can be done here.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 11

run: ## Start the service on this machine; set-up included, no configuration needed.
	@scripts/setup
	cargo run --release --locked

test: ## Every test, against a real Postgres; set-up included.
	@scripts/setup test
	cargo test --locked --no-fail-fast

lint: ## Formatting, clippy, documentation, dependencies, licences, what is in deploy.
	@scripts/setup
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	scripts/optional cargo-machete
	@cargo fetch --locked --quiet # cargo-deny reads the dependencies of every platform
	scripts/optional cargo-deny --offline check bans licenses sources
	@scripts/advisories
	@scripts/check-deploy

docs: ## The code's documentation, in the browser.
	cargo doc --locked --no-deps --document-private-items --open

bench: ## How many durable callbacks a second, beside the service's own /livez.
	@scripts/setup test
	cargo bench --locked --bench throughput

bench-sql: ## What 20 million rows cost callbacks and queries; ROWS=1000000 for less. Needs 15 GB of disk.
	@scripts/setup test
	ROWS=$(ROWS) cargo bench --locked --bench sql

crash: ## Kill and starve everything, CYCLES=200 times; ONLY=name picks what. Exit code 1 if it lost.
	@scripts/setup test
	CYCLES=$(CYCLES) ONLY=$(ONLY) cargo bench --locked --bench crash

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

prepare: ## After a change of a query: describe it again in .sqlx (needs sqlx-cli and DATABASE_URL).
	SQLX_OFFLINE=false cargo sqlx database setup
	SQLX_OFFLINE=false cargo sqlx prepare
