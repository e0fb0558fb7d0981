#!/bin/sh
# Builds sandlab against another wasmtime, and gates that build against this one: what an upgrade of
# the engine costs. Usage: dist/engine.sh SANDLAB WASMTIME [RUST]
set -eu
cd "$(dirname "$0")/.."
sandlab=$1
wasmtime=${2:?which one? make engine WASMTIME=50.0.1 RUST=1.97.0}
rust=${3:-$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)}
folder=$PWD/target/engine/$wasmtime
mkdir -p "$folder/source"

# A copy, so that neither the manifest nor the lock file here changes. Files keep their times,
# and cargo what it has built of them.
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --directory="$folder/source"
cd "$folder/source"
for crate in wasmtime wasmtime-wasi wasmtime-wasi-http wasi-preview1-component-adapter-provider; do
  sed -i -E "s/^($crate = (\{ version = )?\")[0-9.]+\"/\1=$wasmtime\"/" Cargo.toml
done
rustup toolchain list | grep -q "^$rust-" ||
  rustup toolchain install "$rust" --profile minimal --no-self-update
CARGO_TARGET_DIR=$folder cargo "+$rust" build --release --package sandlab || {
  echo "sandlab does not build against wasmtime $wasmtime: see the messages above" >&2; exit 3; }

# The same components for both, from this workspace's target folder. 84 metrics need 14 pairs, for Holm's
# correction; 24 take ten minutes.
cd ../../../..
agents=$(ls target/agents)
# shellcheck disable=SC2086
exec "$sandlab" gate --old-bin "$sandlab" --new-bin "$folder/release/sandlab" --pairs 24 -- \
  sample --before $agents
