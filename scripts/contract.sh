#!/usr/bin/env bash
# contract.sh [PLUGIN...]: rkv-contract at level full on the plugins of this tree (build/release), with a report beside each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh build
cmake --preset release >/dev/null
cmake --build --preset release -j 2
plugins=("$@")
if [ ${#plugins[@]} -eq 0 ]; then
  for file in build/release/plugins/*.so; do plugins+=("$(basename "$file" .so)"); done
fi
failed=0
for plugin in "${plugins[@]}"; do
  build/release/rkv-contract "build/release/plugins/$plugin.so" --level full --report || failed=1
done
exit "$failed"
