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

[ "$("$work/build/hello")" = "quick is here, 42
slow is here
nobody waits an hour" ]
"$work/build/world" list | grep greetings
"$work/build/world" run greetings --seed 1
"$work/build/world" explore greetings --executions 20

# The two ends talk to each other, with the certificate of docs/howto/03_tls.md.
if command -v openssl >/dev/null; then
  cd "$work"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out chain.pem 2>/dev/null
  mkfifo port
  build/secure serve 0 >port &
  server=$!
  trap 'kill "$server"' EXIT
  read -r port <port
  [ "$(SSL_CERT_FILE=chain.pem build/secure ask localhost "$port")" = "you said hello" ]
fi
"$work/prefix/bin/orrery" list >/dev/null
