#!/bin/sh
# Prints what the changelog says of a version: `notes.sh 0.1.0`.
set -eu
notes=$(awk -v version="$1" '
  /^## / { here = $2 == version || $2 == "[" version "]"; next }
  here' "$(dirname "$0")/../CHANGELOG.md")
[ -n "$notes" ] || { echo "CHANGELOG.md says nothing of $1" >&2; exit 1; }
echo "$notes"
