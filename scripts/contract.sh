#!/usr/bin/env bash
# contract.sh [PLUGIN...]: rkv-contract at level full on the plugins of this tree (build/release), with a report beside each;
# and on the stranger's storage-sqlite, in both modes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh build
cmake --preset release >/dev/null
cmake --build --preset release -j 2
plugins=("$@")
if [ ${#plugins[@]} -eq 0 ]; then
  for file in build/release/plugins/*.so; do plugins+=("$(basename "$file" .so)"); done
  [ ! -e build/release/tests/contract-plugins/storage-sqlite.so ] || plugins+=(storage-sqlite)
fi
failed=0
try() { build/release/rkv-contract "$@" --level full --jobs "$(nproc)" || failed=1; }
for plugin in "${plugins[@]}"; do
  if [ "$plugin" = storage-sqlite ]; then
    for journal in wal rollback; do
      try build/release/tests/contract-plugins/storage-sqlite.so --option "journal=$journal"
    done
  elif [ "$plugin" = storage-crypt ]; then
    try build/release/plugins/storage-crypt.so --option over=storage-wal --option "key=$(printf '5a%.0s' {1..32})" --report
  else
    try "build/release/plugins/$plugin.so" --report
  fi
done
exit "$failed"
