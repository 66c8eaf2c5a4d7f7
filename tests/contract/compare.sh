#!/bin/sh
# compare.sh PROGRAM EXPECTED: runs the program; what it prints must be the expected text, byte for byte.
set -eu
program=$1 expected=$2

status=0
"$program" >"$program.out" || status=$?
diff -u "$expected" "$program.out"
if [ "$status" -ne 0 ]; then
  echo "$program printed what was expected and then ended with status $status"
  exit 1
fi
