# What a person types. CI runs `make test`, then `make torture` and `make deny`.

CHANNEL := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
SANDLAB := cargo run --release --quiet --package sandlab --

.PHONY: lab test check guests bench bench-density bench-gate bench-bulk mutated torture browser \
  fuzz-smoke deny claims tools

## Builds the agents and sandlab, runs the quick suite, prints the tables.
lab: guests
	$(SANDLAB) run quick

## Everything that CI runs.
test: check guests
	cargo test --release --workspace

## Format, lints, documentation.
check: tools
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

## Every reference agent, as a component and as its native twin.
guests: tools
	cargo build --release --package sandlab
	$(SANDLAB) build guest-agents

## Criterion's benches; `make bench ONLY=overhead` runs one.
bench: guests
	cargo bench --profile release --package sandlab-benches $(if $(ONLY),--bench $(ONLY))

## As many agents as each layout holds, of three kinds: predicted, started, and compared.
bench-density: guests
	for agent in echo json notebook; do $(SANDLAB) plan $$agent --limit 10MB --verify || exit; done

## What `sandlab gate` makes of builds that are the same, and that are not: false alarms, power.
bench-gate: guests
	cargo test --release --package sandlab --test bench_gate -- --ignored --nocapture

## How long one bulk memory operation takes, which no deadline interrupts.
bench-bulk: tools
	cargo run --release --quiet --package sandlab-benches --bin bulk

## Ten thousand damaged components, each of which must get a diagnosis.
mutated: guests
	cargo test --release --package sandlab --test validate -- --ignored

## Opens a report in a browser, which must have nothing to say of it.
browser: guests
	@command -v chromium >/dev/null || { apt-get update && apt-get install -y --no-install-recommends chromium; } || { \
	  echo "chromium is missing: install it, for example with 'apt-get install chromium'" >&2; exit 3; }
	cargo test --release --package sandlab --test report -- --ignored

## Every hostile guest beside good agents at work; `make torture SEED=7` is another order.
torture:
	$(SANDLAB) torture --duration 30s --seed $(or $(SEED),1)

## Every fuzz target for FOR (60), from its seeds. Needs `cargo install cargo-fuzz`, and a C++
## compiler; without a sanitizer, so that the pinned compiler will do.
fuzz-smoke: tools
	@command -v cargo-fuzz >/dev/null || { \
	  echo "cargo-fuzz is missing: 'cargo install cargo-fuzz --locked'" >&2; exit 3; }
	cd fuzz && cargo fuzz build --sanitizer none
	cd fuzz && for target in $$(cargo fuzz list); do mkdir -p corpus/$$target; \
	  cargo fuzz run --sanitizer none $$target corpus/$$target seeds/$$target -- \
	    -max_total_time=$(or $(FOR),60) -timeout=10 -rss_limit_mb=2048 || exit 1; done

## Licences, bans and sources of all dependencies. Needs `cargo install cargo-deny`.
deny:
	@command -v cargo-deny >/dev/null || { \
	  echo "cargo-deny is missing: 'cargo install cargo-deny --locked'" >&2; exit 3; }
	cargo deny check licenses bans sources

## Measures every claim of the documentation; `make claims ONLY=name` runs one.
claims: guests
	cargo run --release --quiet --package sandlab-benches --bin claims -- $(ONLY)

## What rustup must have, and a C compiler for the crates that need one.
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
