#!/bin/sh
# check_install.sh CMAKE COMPILER BUILD WORK: installs BUILD under WORK, then builds and runs the project
# beside this script against that copy, as somebody would who has never seen our sources.
set -eu
cmake=$1 compiler=$2 build=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$work"  # a file that is no longer installed must not be found from last time
"$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
"$cmake" -S "$here" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_PREFIX_PATH="$work/prefix"
"$cmake" --build "$work/build"

[ "$("$work/build/hello")" = "hello
world" ]
"$work/build/world" list | grep long_sleep
"$work/build/world" run long_sleep --seed 1
"$work/prefix/bin/orrery" list >/dev/null
