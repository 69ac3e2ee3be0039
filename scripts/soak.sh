#!/usr/bin/env bash
# soak.sh WHAT [OPTION...]: the counts that no test run has time for: kills, seeds, bounds, minutes. --help tells them all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${RKV_BUILD-build/release}

usage() {
  cat <<'TEXT'
usage: soak.sh WHAT [OPTION...]      RKV_BUILD: another build than build/release

sim [OPTION...]        the simulator: 20000 seeds of 50000 steps each, from SEED: --from N (1), --seeds N, --steps N;
                       --alone: only each seed's disk without a node
model [OPTION...]      every state of core/raft within the long bounds, 14 and 7.3 million; with options: within those
mutations [NAME...]    a bug seeded by each line of tests/sim/mutations.txt: the simulator finds it; --model: the model
contract [PLUGIN...]   rkv-contract at level full on every plugin, with reports, and on storage-sqlite (contract.sh)
variants [OPTION...]   every plugin broken on purpose: which law catches it, and whether that law is alone (variants.py)
copies                 storage copy ended at every call that changes the device, between every pair of durable storages
fuzz [TARGET [S]]      each fuzz target for S seconds (fuzz.sh)

Real processes in trouble, under load; WHAT --help tells the options, --count N and --seed S first of all:

kills         kill -9 of one of three durable nodes, the leader half of the time
outages       kill -9 of all three at once
partitions    links cut, held, one-way, slow; nodes paused, with --durable also killed
elections     kill -9 of the leader: time until the next acknowledged write
returns       a node cut off comes back: nobody is elected for that
restarts      SIGTERM and start again of each node in turn
replacements  each node in turn replaced by one with a new id
swaps         nodes move to another storage: between all pairs, live and by copy; then kill -9 in the midst of live moves
emptied       two of three nodes get empty storages, the second while the first is on its way back
TEXT
}

make_release() {
  [ -z "${RKV_BUILD-}" ] || return 0
  cmake --preset release >/dev/null
  cmake --build --preset release -j 2 >/dev/null
}

# What is given last counts, so an option of the caller's beats ours.
sim() {
  make_release
  exec "$build/rkv-sim" --seeds 20000 --steps 50000 "$@"
}

model() {
  make_release
  [ $# -eq 0 ] || exec "$build/rkv-model" "$@"
  "$build/rkv-model" --terms 2 --entries 3 --crashes 1
  "$build/rkv-model" --terms 2 --entries 1 --crashes 0 --change 3to2
}

copies() {
  make_release
  RKV_LONG=1 exec "$build/tests/storage-copy-sweep"
}

variants() {
  make_release
  exec /usr/bin/python3 tests/contract/self/variants.py "$build" "$@"
}

case "${1-}" in
  -h | --help) usage ;;
  sim | model | copies | variants)
    ./scripts/setup.sh "$(case "$1" in copies | variants) echo test ;; *) echo build ;; esac)"
    "$@"
    ;;
  mutations | contract | fuzz) exec "./scripts/$1.sh" "${@:2}" ;;
  kills | outages | partitions | elections | returns | restarts | replacements | swaps | emptied)
    ./scripts/setup.sh test
    make_release
    exec /usr/bin/python3 tests/cluster/soak.py "$@"
    ;;
  *)
    usage >&2
    exit 64
    ;;
esac
