#!/bin/sh
# check_differences.sh: every row of docs/differences.md names a test, and every test named there exists.
#
#   check_differences.sh REPOSITORY
#
# A test is named in the last cell of a row as `Suite.Name`, or `Suite.*` for at least one test of the suite.
# It exists where a source under tests/ says TEST(Suite, Name), TEST_F, SIM_TEST or RC_GTEST_PROP.
set -eu

cd "$1"
page=docs/differences.md
problems=$(mktemp)
tests=$(mktemp)
trap 'rm -f "$problems" "$tests"' EXIT

# Macros may be broken over two lines, so lines are joined before they are looked at.
find tests -name '*.cpp' -exec cat {} + | tr '\n' ' ' |
  grep -oE '\b(TEST|TEST_F|SIM_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\( *[A-Za-z0-9_]+, *[A-Za-z0-9_]+' |
  sed -E 's/^[A-Z_]+\( *//; s/, */./' | sort -u > "$tests"

# The rows: lines of tables, without their heads and rulers. Each becomes "line number: last cell".
rows=$(awk -F'|' '/^\|/ && !/^\| (asyncio|---) / && !/^\| -/ { print FNR ": " $(NF - 1) }' "$page")

echo "$rows" | while IFS= read -r row; do
  line=${row%%:*}
  names=$(printf '%s\n' "$row" | grep -oE '`[A-Za-z0-9_]+\.[A-Za-z0-9_*]+`' | tr -d '`') || true
  if [ -z "$names" ]; then
    echo "$page:$line: the row names no test in its last cell" >> "$problems"
  fi
  for name in $names; do
    case $name in
      *.\*) pattern="^${name%.\*}\\." ;;
      *) pattern="^$(printf '%s' "$name" | sed 's/\./\\./')\$" ;;
    esac
    grep -q "$pattern" "$tests" || echo "$page:$line: there is no test $name under tests/" >> "$problems"
  done
done

if [ -s "$problems" ]; then
  cat "$problems"
  exit 1
fi
echo "$page: $(echo "$rows" | wc -l) rows, each with a test that exists"
