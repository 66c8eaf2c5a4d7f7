#!/bin/sh
# demo.sh ORRERY: finds a famous bug, brings it back, makes it small, and shows what happened.
#
# Each step says what it expects, and the script fails loudly where it does not get it.
set -eu
if [ $# -ne 1 ] || [ ! -x "$1" ]; then
  echo "usage: sh demo.sh BUILD/orrery" >&2
  exit 2
fi
orrery=$1
buggy=a2_wrong_users_data_buggy
fixed=a2_wrong_users_data_fixed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say() {
  echo
  printf '%s\n' "$@"
}
fail() {
  printf 'demo.sh: %s\n' "$1" >&2
  exit 1
}

# show STATUS ARGUMENTS…: runs the tool, shows the line and what it gives, and insists on the status.
show() {
  expected=$1
  shift
  printf '\n$ %s %s\n\n' "$orrery" "$*"
  status=0
  "$orrery" "$@" >"$work/out" 2>"$work/err" || status=$?
  cat "$work/out"
  if [ "$status" -ne "$expected" ]; then
    cat "$work/err" >&2
    fail "orrery $* ended with status $status, not $expected"
  fi
}

# trace_hash ARGUMENTS…: the hash of the trace of the execution that failed.
trace_hash() {
  "$orrery" "$@" --json 2>/dev/null | sed -n 's/^{"type":"summary".*"trace_hash":"\([0-9a-f]*\)".*/\1/p'
}

say 'In March 2023 users of ChatGPT saw the titles of other users'"'"' conversations. Here is that bug as a' \
    'scenario: a web server, a cache, one connection that all users share, and a user who closes the tab.' \
    'Which message takes how long, and when the tab is closed, is left open. So we try many executions.'
show 1 explore "$buggy"
grep -q '^FAIL' "$work/out" || fail 'the exploration shows no failure'

grep -q '^what had to happen' "$work/out" || fail 'the failure was not shrunk'
found=$(sed -n 's/^shrink .* shrink //p' "$work/out")   # the case as it was found
shrunk=$(sed -n 's/^replay .* replay //p' "$work/out")  # the same failure, with nothing in it but what it takes
[ -n "$found" ] && [ -n "$shrunk" ] || fail 'the report has no lines to paste'

say 'It was found, and shrunk: of all the choices of that execution, the ones shown are what it takes. Does the' \
    'shrunk case bring the failure back? Three times, and we compare the hash of everything that happened:'
show 1 replay "$shrunk"
first=$(trace_hash replay "$shrunk" || true)
second=$(trace_hash replay "$shrunk" || true)
printf '\n  second replay  trace %s\n  third replay   trace %s\n' "$first" "$second"
[ -n "$first" ] || fail 'the replay gives no trace hash'
grep -q "trace $first" "$work/out" || fail 'two replays of one case differ'
[ "$first" = "$second" ] || fail 'two replays of one case differ'
[ "$first" != "$(trace_hash replay "$found" || true)" ] || fail 'the shrunk case is the one that was found'

say 'The same, to the last byte. What happened, host by host, is a picture to be read from top to bottom:'
show 0 trace "$shrunk"
grep -q '^FAIL' "$work/out" || fail 'the timeline does not end with the failure'

say 'Bob closes his tab while his answer is on its way, and the connection goes back to the others with that' \
    'answer in it. The fix is one line: a connection whose exchange did not end is closed. Does it hold?'
show 0 explore "$fixed" --executions 2000

say 'What to type next:' \
    "  $orrery list" \
    "  $orrery explore a8_plan_from_the_past_buggy" \
    "  $orrery explore --help"
