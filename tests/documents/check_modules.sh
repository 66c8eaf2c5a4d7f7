#!/bin/sh
# check_modules.sh: docs/asyncio_modules.md names every file of the reference library, and none that is not there.
#
#   check_modules.sh REPOSITORY
set -eu

cd "$1"
page=docs/asyncio_modules.md
named=$(mktemp)
there=$(mktemp)
trap 'rm -f "$named" "$there"' EXIT

grep -oE '`[a-z0-9_/]+\.[ch]pp`' "$page" | tr -d '`' | sort > "$named"
(cd reference/include/asyncio && find . -name '*.hpp'; cd ../../src && find . -name '*.[ch]pp') | sed 's|^\./||' | sort > "$there"

problems=$(
  uniq -d "$named" | sed "s|.*|$page: & is named twice|"
  sort -u "$named" | comm -23 - "$there" | sed "s|.*|$page: there is no file & in reference/|"
  sort -u "$named" | comm -13 - "$there" | sed "s|.*|$page: & is not named|"
)
if [ -n "$problems" ]; then
  echo "$problems"
  exit 1
fi
echo "$page: $(wc -l < "$there") files, each named once"
