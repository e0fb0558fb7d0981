# `make help` lists the targets. CI runs `check`, `test-only`, `torture` and `deny`, each in a job
# of its own.

CHANNEL := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
# Whoever runs CI may be no root.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# Installs a package of Debian, where its program is missing: $(call install,program,package).
install = @{ command -v $(1) || test -x /usr/sbin/$(1); } >/dev/null || { \
	  $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $(2); } || { \
	  echo "$(1) is missing: install it, for example with 'apt-get install $(2)'" >&2; exit 3; }
SANDLAB := cargo run --release --quiet --package sandlab --

.PHONY: lab help test test-only check guests foreign servers dist package bench bench-nats nats-faults bench-density bench-gate bench-tune engine \
  any-component bench-bulk mutated torture browser fuzz-smoke deny claims docs tools

## Builds the agents and sandlab, runs the quick suite, and ends with what it found.
lab: guests
	$(SANDLAB) run quick --html .sandlab/report.html

## Lists the targets: the comments that start with `##`, each with the target below it.
help:
	@awk '/^## / { text = text (text ? " " : "") substr($$0, 4); next } \
	  text && /^[a-z-]+:/ { printf "  make %-14s %s\n", substr($$1, 1, index($$1, ":") - 1), text } \
	  { text = "" }' $(firstword $(MAKEFILE_LIST))

## Checks as `check` does, and runs all tests.
test: check test-only

## Runs all tests.
# The agents are built by the program that the tests run: built by itself, it would be compiled once
# more, since the tests' own dependencies turn on features of those that it shares with them.
test-only: tools foreign servers
	cargo test --release --workspace --no-run
	$${CARGO_TARGET_DIR:-target}/release/sandlab build guest-agents
	cargo test --release --workspace

## Checks format, lints and documentation.
check: tools
	cargo fmt --all --check
	# The registry declares the experiments' modules, which cargo fmt does not follow.
	rustfmt --edition 2024 --check $$(git ls-files 'host/lab/src/experiments/*.rs')
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

## Builds every reference agent, as a component and as its native twin.
guests: tools
	cargo build --release --package sandlab
	$(SANDLAB) build guest-agents

## Packs sandlab with the reference agents in it, its completions and manual pages, with checksums, into
## target/dist. PROGRAM is a sandlab that is built already.
dist: $(if $(PROGRAM),,guests)
	dist/pack.sh $(or $(PROGRAM),target/release/sandlab) target/dist

## Packages the SDK as crates.io takes it, and builds what was packaged.
package: tools
	cargo package --package sandlab-native-abi --package sandlab-agent

## Gets subjects that others made, and builds some in other languages, into target/foreign. Needs
## Python with pip, and Node.js.
foreign: tools
	$(MAKE) --no-print-directory --directory guest-agents/foreign OUT=$(CURDIR)/target/foreign

## Installs the servers that tests run, where they are missing: Prometheus, Alertmanager, NATS.
servers:
	$(call install,promtool,prometheus)
	$(call install,prometheus-alertmanager,prometheus-alertmanager)
	$(call install,nats-server,nats-server)

## Runs criterion's benches; `make bench ONLY=overhead` runs one.
bench: guests
	cargo bench --bench '$(or $(ONLY),*)'

## Measures agents over NATS, against a bare responder and with a second connection.
bench-nats: guests servers
	cargo run --release --quiet --package sandlab-serve --example against_nats

## Sends 10 million messages over NATS while hosts and the server are killed and cut off, and compares the
## accounts; MESSAGES sets another number.
nats-faults: guests servers
	MESSAGES=$(or $(MESSAGES),10000000) cargo test --release --package sandlab-serve --test nats -- \
	  --nocapture faults::accounts_balance

## Starts as many agents as each memory layout holds, of three kinds, and compares with the plan.
bench-density: guests
	for agent in echo json notebook; do $(SANDLAB) plan $$agent --limit 10MB --verify || exit; done

## Builds sandlab against another wasmtime, and gates it against this one over all built agents: what an
## upgrade costs. `make engine WASMTIME=50.0.1 RUST=1.97.0`
engine: guests
	dist/engine.sh target/release/sandlab $(WASMTIME) $(RUST)

## Measures how often tune recommends settings that do nothing, on this machine.
bench-tune: guests
	cargo test --release --package sandlab --test tune -- --ignored --nocapture

## Measures the gate's false alarms and power, on builds that are the same and builds that are not.
bench-gate: guests
	cargo test --release --package sandlab --test bench_gate -- --ignored --nocapture

## Sends subjects that others made through every command, and prints the table of the documents.
any-component: guests foreign
	cargo test --release --package sandlab --test foreign -- --ignored --nocapture

## Times one bulk memory operation, which no deadline interrupts.
bench-bulk: tools
	cargo run --release --quiet --package sandlab-benches --bin bulk

## Validates ten thousand damaged components, each of which must get a diagnosis.
mutated: guests
	cargo test --release --package sandlab --test validate -- --ignored

## Opens an HTML report, and the dashboard of a host, in Chromium, which must log no error.
browser: guests
	$(call install,chromium,chromium)
	cargo test --release --package sandlab --test report -- --ignored
	cargo test --release --package sandlab-serve --test dashboard -- --ignored

## Runs every hostile guest beside good agents for 30 s; `make torture SEED=7` is another order.
torture:
	$(SANDLAB) torture --duration 30s --seed $(or $(SEED),1)

## Runs every fuzz target for FOR seconds (60), from its seeds. Needs `cargo install cargo-fuzz`, and a C++
## compiler; without a sanitizer, so that the pinned compiler will do.
fuzz-smoke: tools
	@command -v cargo-fuzz >/dev/null || { \
	  echo "cargo-fuzz is missing: 'cargo install cargo-fuzz --locked'" >&2; exit 3; }
	cd fuzz && cargo fuzz build --sanitizer none
	cd fuzz && for target in $$(cargo fuzz list); do mkdir -p corpus/$$target; \
	  cargo fuzz run --sanitizer none $$target corpus/$$target seeds/$$target -- \
	    -max_total_time=$(or $(FOR),60) -timeout=10 -rss_limit_mb=2048 || exit 1; done

## Checks licences, bans and sources of all dependencies. Needs `cargo install cargo-deny`.
deny:
	@command -v cargo-deny >/dev/null || { \
	  echo "cargo-deny is missing: 'cargo install cargo-deny --locked'" >&2; exit 3; }
	cargo deny check licenses bans sources

## Measures every claim of the documentation. ONLY=KEY measures one; WRITE=1 keeps the figures in
## benches/claims.toml and in the documents.
claims: guests
	$(MAKE) --no-print-directory --directory guest-agents/foreign OUT=$(CURDIR)/target/foreign \
	  $(CURDIR)/target/foreign/rust-service.wasm $(CURDIR)/target/foreign/inventory.wasm
	cargo run --release --quiet --package sandlab-benches --bin claims -- $(ONLY) $(if $(WRITE),--write)

## Writes the generated documents anew: docs/claims.md, docs/cli.md, docs/metrics.md, docs/*.schema.json, and
## the figures that other documents quote from benches/claims.toml.
docs:
	$(SANDLAB) man --markdown > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md
	for name in bundle gate noise project run sandbox serve targets validate workload; do \
	  $(SANDLAB) schema $$name > docs/$$name.schema.json || exit; done
	{ sed '/^|/,$$d' docs/metrics.md; $(SANDLAB) metrics --markdown; } > docs/metrics.md.new
	mv docs/metrics.md.new docs/metrics.md
	cargo run --release --quiet --package sandlab-benches --bin claims -- --docs

## Checks for a C compiler, and has rustup install what is missing.
tools:
	@command -v rustup >/dev/null || { \
	  echo "rustup is missing: install it from https://rustup.rs" >&2; exit 3; }
	@command -v cc >/dev/null || { \
	  echo "a C compiler is missing: install one, for example with 'apt-get install gcc'" >&2; exit 3; }
	@rustup target list --installed --toolchain $(CHANNEL) 2>/dev/null | grep -q '^wasm32-wasip2$$' \
	  && rustup component list --installed --toolchain $(CHANNEL) | grep -q '^clippy' \
	  && rustup component list --installed --toolchain $(CHANNEL) | grep -q '^rustfmt' \
	  || rustup toolchain install $(CHANNEL) --profile minimal --no-self-update \
	       --component rustfmt --component clippy --target wasm32-wasip2 || { \
	  echo "Rust $(CHANNEL) with the target wasm32-wasip2 is missing, and rustup could not get it:" \
	       "see its message above; with a network, run" \
	       "'rustup toolchain install $(CHANNEL) --target wasm32-wasip2'" >&2; exit 3; }
