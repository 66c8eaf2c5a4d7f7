#!/bin/sh
# compare_builds.sh CMAKE SOURCE WORK GXX CLANGXX: builds trace_hashes in five ways, runs each, and compares
# what they print with expected.txt. A compiler that is not there is an empty argument, and is left out.
#
# Five builds of everything would take the better part of an hour on a small machine. CMake's unity build
# hands each library to the compiler as a single file, which spares it reading the same headers forty times.
# Two sources whose private names collide cannot be built so; then everything is compiled file by file.
set -eu
cmake=$1 source=$2 work=$3 gxx=$4 clangxx=$5
expected=$source/tests/determinism/expected.txt
mkdir -p "$work"
failed=0

build() {  # build DIRECTORY COMPILER FLAGS SANITIZERS UNITY
  "$cmake" -S "$source" -B "$1" -G Ninja -DCMAKE_CXX_COMPILER="$2" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG="$3" -DORRERY_SANITIZE="$4" -DORRERY_BUILD_TESTS=ON \
    -DCMAKE_UNITY_BUILD="$5" -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 &&
    "$cmake" --build "$1" --target trace_hashes
}

variant() {  # variant NAME COMPILER FLAGS SANITIZERS
  name=$1 log=$work/$1.log
  if [ -z "$2" ]; then
    echo "$name: left out, its compiler is not installed"
    return
  fi
  if ! build "$work/$name" "$2" "$3" "$4" ON >"$log" 2>&1; then
    echo "$name: does not compile as a unity build (see $log); now file by file"
    log=$work/$name.separate.log
    if ! build "$work/$name" "$2" "$3" "$4" OFF >"$log" 2>&1; then
      echo "$name: does not compile"
      tail -n 40 "$log"
      failed=1
      return
    fi
  fi

  status=0
  "$work/$name/tests/determinism/trace_hashes" >"$work/$name.txt" || status=$?
  if [ "$status" -ne 0 ]; then
    echo "$name: trace_hashes ended with status $status"
    failed=1
  elif diff -u "$expected" "$work/$name.txt"; then
    echo "$name: $(wc -l <"$work/$name.txt") lines, as expected"
  else
    echo "$name: differs from tests/determinism/expected.txt. If every build differs in the same way, the traces"
    echo "themselves have changed; where that is meant, copy $work/$name.txt there."
    failed=1
  fi
}

variant gcc-O0 "$gxx" -O0 ""
variant gcc-O3 "$gxx" -O3 ""
variant gcc-sanitized "$gxx" -O1 "address;undefined"
variant clang-O0 "$clangxx" -O0 ""
variant clang-O3 "$clangxx" -O3 ""
exit "$failed"
