#!/usr/bin/env bash
# soak.sh STORY [OPTION...]: real processes in trouble, for long; --help tells the stories. RKV_BUILD: another build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh test
if [ -z "${RKV_BUILD-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j 2 >/dev/null
fi
exec /usr/bin/python3 tests/cluster/soak.py "$@"
