#!/bin/sh
# check_format.sh: every source looks as `make format` would leave it. Where clang-format 19 is missing, it is skipped.
#
#   check_format.sh REPOSITORY
set -eu

command -v clang-format-19 >/dev/null || { echo "no clang-format-19 (package clang-format-19)"; exit 77; }
cd "$1"
find reference simulator tests tutorials notebooks -name '*.[ch]pp' -exec clang-format-19 --dry-run -Werror {} + || {
  echo "run: make format"
  exit 1
}
