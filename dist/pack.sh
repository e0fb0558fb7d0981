#!/bin/sh
# Packs a sandlab that is built, and the agents of this workspace, as a release: `make dist`.
#
#   pack.sh PROGRAM OUT
#
# RELEASE, if set, is the address that the files will have, which install.sh downloads them from.
set -eu
program=$1 out=$2
here=$(dirname "$0")

version=$("$program" --version | cut -d ' ' -f 2)
name=sandlab-$(uname -m)-unknown-linux-gnu
rm -rf "$out"
mkdir -p "$out/$name/completions" "$out/$name/man"

"$program" pack --output "$out/$name/sandlab"
# Beside it, for what counts allocations.
if [ -f "$(dirname "$program")/sandlab-counted" ]; then
  cp "$(dirname "$program")/sandlab-counted" "$out/$name/"
fi
for shell in bash fish zsh; do
  "$program" completions "$shell" > "$out/$name/completions/sandlab.$shell"
done
"$program" man --output "$out/$name/man"
cp "$here/../LICENSE" "$here/../README.md" "$here/../CHANGELOG.md" "$out/$name/"

tar --create --gzip --file "$out/$name.tar.gz" --directory "$out" \
  --owner 0 --group 0 --numeric-owner "$name"
sed "s|@VERSION@|$version|; s|@RELEASE@|${RELEASE:-}|" "$here/install.sh" > "$out/install.sh"
chmod +x "$out/install.sh"
cp "$here/Dockerfile" "$out/"
rm -rf "${out:?}/$name"
(cd "$out" && sha256sum -- *.tar.gz install.sh > SHA256SUMS)
ls -l "$out"
