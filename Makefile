# The habits of this project; CI calls the same targets.

.DEFAULT_GOAL := help
.PHONY: help run test lint docs bench bench-micro bench-instructions bench-sql crash prepare

# The queries are checked against the committed descriptions in .sqlx, not against a database that
# happens to be configured.
export SQLX_OFFLINE := true

CYCLES ?= 200
ROWS ?= 20000000

help: ## What can be done here.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Start the service on this machine; set-up included, no configuration needed.
	@scripts/setup
	cargo run --release --locked

test: ## Every test, against a real Postgres; set-up included.
	@scripts/setup test
	cargo test --locked --no-fail-fast

lint: ## Formatting, clippy, documentation, unused dependencies, licences.
	@scripts/setup
	cargo fmt --check
	cargo clippy --locked --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	scripts/optional cargo-machete
	@cargo fetch --locked --quiet # cargo-deny reads the dependencies of every platform
	scripts/optional cargo-deny --offline check bans licenses sources

docs: ## The code's documentation, in the browser.
	cargo doc --locked --no-deps --document-private-items --open

bench: ## How fast callbacks are kept, beside what one would run otherwise; 10 minutes; writes docs/performance.md.
	@scripts/setup test
	@scripts/setup-bench
	cargo bench --locked --bench comparison

bench-micro: ## Parsing, charsets, the spool's records and batches, each by itself, beside the run before.
	@scripts/setup
	cargo bench --locked --features internals --bench micro

bench-instructions: ## The same, counted instead of timed: for machines that do other things, too. Needs valgrind.
	@scripts/setup
	@command -v valgrind >/dev/null || { echo "valgrind is missing: install it with your package manager" >&2; exit 1; }
	cargo bench --locked --features internals --bench micro -- --instructions

bench-sql: ## What 20 million rows cost callbacks and queries; ROWS=1000000 for less. Needs 15 GB of disk.
	@scripts/setup test
	ROWS=$(ROWS) cargo bench --locked --bench sql

crash: ## Kill and starve everything, CYCLES=200 times; ONLY=name picks what. Exit code 1 if it lost.
	@scripts/setup test
	CYCLES=$(CYCLES) ONLY=$(ONLY) cargo bench --locked --bench crash

prepare: ## After a change of a query: describe it again in .sqlx (needs sqlx-cli and DATABASE_URL).
	SQLX_OFFLINE=false cargo sqlx database setup
	SQLX_OFFLINE=false cargo sqlx prepare
