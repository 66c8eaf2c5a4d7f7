#!/bin/sh
# compare.sh PROGRAM EXPECTED: runs the program; what it prints must be the expected text, byte for byte.
#
# Some of the programs order what they do by real timers that lie ten milliseconds apart. A machine that gives this
# process no time for so long makes them print another order, and rightly so; therefore each has three attempts.
set -eu
program=$1 expected=$2

attempt() {
  status=0
  "$program" >"$program.out" || status=$?
  diff -u "$expected" "$program.out"
}

attempt || attempt || attempt
if [ "$status" -ne 0 ]; then
  echo "$program printed what was expected and then ended with status $status"
  exit 1
fi
