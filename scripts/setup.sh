#!/usr/bin/env bash
# setup.sh build|test: installs the Debian packages that are missing, and nothing else. Silent if there is nothing to do.
set -euo pipefail

build=(gcc libc6-dev make cmake pkg-config libgrpc-dev libprotobuf-dev libprotobuf-c-dev protobuf-c-compiler
  protobuf-compiler libinih-dev libssl-dev libcmocka-dev)
tests=(clang clang-format clang-tidy libclang-rt-14-dev python3 python3-grpcio python3-protobuf python3-pytest
  protobuf-compiler-grpc g++ mandoc dpkg-dev file)
tests+=(libsqlite3-dev) # for the stranger's storage that the contract suite is tried with
tests+=(librocksdb-dev liblmdb-dev) # for storage-rocksdb and storage-lmdb, which a build without them leaves out

fail() {
  echo "setup: $*" >&2
  exit 69
}

case "${1-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${tests[@]}") ;;
  *)
    echo "usage: setup.sh build|test" >&2
    exit 64
    ;;
esac

# Another system: what is needed has other package names there, so only look whether it is there.
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  for tool in cc make cmake pkg-config protoc protoc-c; do
    command -v "$tool" >/dev/null || fail "$tool is missing; this is no Debian, so install what Debian calls: ${wanted[*]}"
  done
  for library in grpc libprotobuf-c inih libcrypto cmocka; do
    pkg-config --exists "$library" || fail "the library $library is missing; Debian calls what is needed: ${wanted[*]}"
  done
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "not root and no sudo; as root: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@" >"$log" 2>&1; }
apt update || fail "apt-get update: $(tail -n 1 "$log")"
apt install "${missing[@]}" || fail "apt-get install ${missing[*]}: $(tail -n 1 "$log")"
