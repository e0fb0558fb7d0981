#!/bin/sh
# Installs sandlab @VERSION@ for this user: into ~/.local, or PREFIX.
#
# SANDLAB_FROM is where the release's files are, an address or a folder, if not where this script
# came from.
set -eu

from=${SANDLAB_FROM:-@RELEASE@}
prefix=${PREFIX:-$HOME/.local}

fail() {
  echo "install.sh: $1" >&2
  exit 3
}

[ -n "$from" ] || fail "set SANDLAB_FROM to the address or the folder of the release's files"
[ "$(uname -s)" = Linux ] || fail "sandlab runs on Linux, and this is $(uname -s)"
name=sandlab-$(uname -m)-unknown-linux-gnu

files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT

get() {
  case $from in
    http://*|https://*|file://*)
      if command -v curl > /dev/null; then
        curl --fail --silent --show-error --location --output "$files/$1" "$from/$1"
      elif command -v wget > /dev/null; then
        wget --quiet --output-document "$files/$1" "$from/$1"
      else
        fail "neither curl nor wget is here to download with"
      fi ;;
    *) cp "$from/$1" "$files/$1" ;;
  esac || fail "cannot get $1 from $from; is there a release for this machine ($name)?"
}

get "$name.tar.gz"
get SHA256SUMS
(cd "$files" && grep " $name.tar.gz\$" SHA256SUMS | sha256sum --check --status) \
  || fail "$name.tar.gz is not the file that was released: its checksum differs"

tar --extract --gzip --file "$files/$name.tar.gz" --directory "$files"
"$files/$name/sandlab" --version > /dev/null \
  || fail "this system cannot run the program: see its message above"
put() {
  # A new file that takes the old one's place, which may be running, when it is whole.
  mkdir -p "$prefix/$2" && cp "$files/$name/$1" "$prefix/$2/.sandlab-new" \
    && mv -f "$prefix/$2/.sandlab-new" "$prefix/$2/$3" \
    || fail "cannot write to $prefix/$2: set PREFIX to a folder that this user can write"
}
for program in sandlab sandlab-counted; do
  if [ -f "$files/$name/$program" ]; then put "$program" bin "$program"; fi
done
for page in "$files/$name"/man/*.1; do
  put "man/${page##*/}" share/man/man1 "${page##*/}"
done
put completions/sandlab.bash share/bash-completion/completions sandlab
put completions/sandlab.fish share/fish/vendor_completions.d sandlab.fish
put completions/sandlab.zsh share/zsh/site-functions _sandlab

echo "installed $("$prefix/bin/sandlab" --version) as $prefix/bin/sandlab"
case :$PATH: in
  *:"$prefix/bin":*) echo "a first answer: sandlab lab" ;;
  *) echo "a first answer: $prefix/bin/sandlab lab ($prefix/bin is not in PATH)" ;;
esac
