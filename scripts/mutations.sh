#!/usr/bin/env bash
# mutations.sh [--write] [--model] [NAME...]: seeds bugs into a copy of the core, one by one; the simulator must find
# each (--model: the model, those of core/raft).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh build
exec /usr/bin/python3 tests/sim/mutations.py "$@"
