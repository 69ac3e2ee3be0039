#!/usr/bin/env bash
# demo.sh [--keep]: a real three-process cluster on this machine, from nothing to reads on every node.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ports=(21001 21002 21003)
bin=build/release
targets=(raft-key-value rkvctl transport-grpc storage-mem storage-wal sm-protobuf) # what the README tries
stamp=$bin/.demo-built # newer than every source: nothing to build
started_within=100     # tenths of a second that a node may take to listen
stopped_within=70      # and to stop: it promises 5 s
keep=false
logs=
pids=()

usage() {
  echo "usage: demo.sh [--keep]   (--keep leaves the cluster running)" >&2
  exit 64
}

say() { printf '\n== %s\n' "$*"; }

fail() {
  local code=$1
  shift
  echo "demo: $*" >&2
  exit "$code"
}

stop_nodes() {
  local pid tenths=0
  [ ${#pids[@]} -gt 0 ] || return 0
  kill "${pids[@]}" 2>/dev/null || true
  for pid in "${pids[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
      if [ $((tenths++)) -ge "$stopped_within" ]; then
        echo "demo: node with pid $pid did not stop, killing it" >&2
        kill -KILL "$pid" 2>/dev/null || true
      fi
      sleep 0.1
    done
    wait "$pid" 2>/dev/null || true
  done
  pids=()
}

finish() {
  local code=$?
  trap - EXIT INT TERM HUP
  if [ "$code" -ne 0 ] || ! $keep; then stop_nodes; fi
  if [ "$code" -eq 0 ] && ! $keep; then
    [ -z "$logs" ] || rm -rf "$logs"
  elif [ -n "$logs" ]; then
    echo "demo: the nodes' logs are in $logs" >&2
  fi
  exit "$code"
}

build() {
  if [ -e "$stamp" ] &&
    [ -z "$(find CMakeLists.txt CMakePresets.json protos core libs plugins tools -newer "$stamp" -print -quit)" ]; then
    return 0
  fi
  say "building $bin"
  mkdir -p "$bin"
  local log=$bin/demo-build.log
  touch "$stamp.new" # its time is from before: a source that changes meanwhile is newer
  cmake --preset release >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail 70 "cmake failed ($log)"
  }
  cmake --build "$bin" -j "$(nproc)" --target "${targets[@]}" >"$log" 2>&1 || {
    grep -E 'error|Error' "$log" >&2 || tail -n 20 "$log" >&2
    fail 70 "the build failed ($log)"
  }
  mv "$stamp.new" "$stamp"
}

check_ports() {
  local port
  for port in "${ports[@]}"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      fail 69 "port $port on 127.0.0.1 is busy: stop what listens there and run me again (ss -ltnp 'sport = :$port' names it)"
    fi
  done
}

start_nodes() {
  local id tenths code
  logs=$(mktemp -d "${TMPDIR:-/tmp}/raft-key-value-demo.XXXXXX")
  for id in 1 2 3; do
    # its own session: Ctrl-C reaches this script only, which then stops the nodes in order
    setsid "$bin/raft-key-value" --config "conf/three-nodes/$id.ini" >"$logs/$id.log" 2>&1 </dev/null &
    pids+=($!)
  done
  for id in 1 2 3; do
    tenths=0
    until grep -qs 'listening addr=' "$logs/$id.log"; do
      if ! kill -0 "${pids[id - 1]}" 2>/dev/null; then
        code=0
        wait "${pids[id - 1]}" || code=$?
        tail -n 5 "$logs/$id.log" >&2
        fail "$((code == 0 ? 70 : code))" "node $id ended instead of listening"
      fi
      [ $((tenths++)) -lt "$started_within" ] || fail 70 "node $id does not listen after $((started_within / 10)) s"
      sleep 0.1
    done
    echo "node $id: pid ${pids[id - 1]}, $(grep -m 1 -o 'listening addr=[^ ]*' "$logs/$id.log")"
  done
}

ctl() {
  echo "\$ rkvctl $*"
  "$bin/rkvctl" "$@" || fail 70 "this step was not answered as it should be (rkvctl ended with $?)"
}

# init answers when the node has stored it; the first change may follow once the node leads and has applied it.
wait_for_leader() {
  local endpoint=127.0.0.1:$1 tenths=0
  until "$bin/rkvctl" --endpoints "$endpoint" metrics 2>/dev/null | grep -Eq '^last_applied +[1-9]'; do
    [ $((tenths++)) -lt 50 ] || fail 70 "$endpoint does not lead after 5 s"
    sleep 0.1
  done
}

# A read from what a node has applied: a follower may need a moment to hear of the last commit.
read_on() {
  local endpoint=127.0.0.1:$1 key=$2 want=$3 tenths=0
  echo "\$ rkvctl --endpoints $endpoint get $key"
  until [ "$("$bin/rkvctl" --endpoints "$endpoint" get "$key" 2>/dev/null || true)" = "$want" ]; do
    [ $((tenths++)) -lt 50 ] || fail 70 "$endpoint has no $key=$want after 5 s"
    sleep 0.1
  done
  echo "$want"
}

walk() {
  say "a cluster of one, then two learners, then three voters"
  ctl init 1=127.0.0.1:21001
  wait_for_leader 21001
  ctl add-learner 2=127.0.0.1:21002
  ctl add-learner 3=127.0.0.1:21003
  ctl change-membership 1 2 3
  ctl members
  say "a write, through a follower's address: rkvctl goes to the leader by itself"
  ctl --endpoints 127.0.0.1:21002 set foo bar
  say "a read on every node"
  read_on 21001 foo bar
  read_on 21002 foo bar
  read_on 21003 foo bar
  say "how the nodes see it"
  ctl status
}

for word in "$@"; do
  case "$word" in
    --keep) keep=true ;;
    *) usage ;;
  esac
done
unset RKVCTL_ENDPOINTS
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

./scripts/setup.sh build
check_ports
build
say "three nodes"
start_nodes
walk
if $keep; then
  say "the cluster keeps running; try"
  cat <<TRY
  $PWD/$bin/rkvctl set greeting hello
  $PWD/$bin/rkvctl --endpoints 127.0.0.1:21003 get greeting
  kill ${pids[0]}                  # the leader: the others elect a new one
  $PWD/$bin/rkvctl --endpoints 127.0.0.1:21002,127.0.0.1:21003 status
stop it: kill ${pids[*]}
TRY
else
  say "stopping the nodes"
  stop_nodes
  echo "done"
fi
