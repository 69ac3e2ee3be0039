#!/usr/bin/env bash
# compare.sh: puts per second of our cluster beside Debian's etcd 3.4 and other programs of our protocol, runs
# interleaved, median of the rounds.
# Two generators: bench-cluster (closed loop, verified by log growth) and h2load (not ours). All data on tmpfs; with
# --durable DIR instead: only puts that are on DIR's device when they are answered, of three nodes on that one device,
# with what it takes for a sync before and after each round.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=3
seconds=5
inflight=1,64,256,1000
bin=build/release
durable=
others=() # NAME=PATH
write=(--write bench)
raw=
server=

usage() {
  echo "usage: compare.sh [--durable DIR] [--rounds N] [--seconds N] [--inflight N,N,...] [--build DIR] [--no-write]" >&2
  echo "                  [--other NAME=PATH]..." >&2
  echo "  --durable DIR  puts on DIR's device instead of everything on tmpfs; writes bench/DURABLE.md, not RESULTS.md" >&2
  echo "  PATH takes --id N --addr HOST:PORT and speaks openraftpb.AppService, as OpenRaft's gRPC example" >&2
  exit 64
}

fail() {
  echo "compare: $*" >&2
  exit 69
}

finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  [ -z "$raw" ] || rm -rf "$raw"
}

while [ $# -gt 0 ]; do
  if [ "$1" = --no-write ]; then
    write=()
    shift
    continue
  fi
  [ $# -ge 2 ] || usage
  case "$1" in
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --inflight) inflight=$2 ;;
    --build) bin=$2 ;;
    --durable)
      [ -d "$2" ] || fail "no directory $2"
      durable=$2
      ;;
    --other)
      [[ "$2" =~ ^[A-Za-z0-9._-]+=. ]] || usage
      [ -x "${2#*=}" ] || fail "no program ${2#*=}"
      others+=("$2")
      ;;
    *) usage ;;
  esac
  shift 2
done

# drive ROW_NAME TARGET ARG...: one cell by our generator; a failed check goes to stderr and stays out of the table.
drive() {
  local row=$1 target=$2
  shift 2
  "$bin/bench-cluster" --target "$target" --bin-dir "$bin" --json --seconds "$seconds" "$@" |
    sed "s/^{/{\"row\":\"$row\",/" >>"$raw/rows" || echo "compare: $row $target $*: not verified" >&2
}

# drive_others ROW_NAME ARG...: likewise for each --other, under its name.
drive_others() {
  local row=$1 other
  shift
  for other in ${others[@]+"${others[@]}"}; do
    "$bin/bench-cluster" --binary "${other#*=}" --json --seconds "$seconds" "$@" |
      sed "s/^{\"target\":\"rkv\"/{\"row\":\"$row\",\"target\":\"${other%%=*}\"/" >>"$raw/rows" ||
      echo "compare: $row ${other%%=*} $*: not verified" >&2
  done
}

# drive_empty ROW_NAME ARG...: likewise for the server that only answers.
drive_empty() {
  local row=$1
  shift
  "$bin/bench-cluster" --binary "$bin/bench-empty" --nodes 1 --json --seconds "$seconds" "$@" |
    sed "s/^{\"target\":\"rkv\"/{\"row\":\"$row\",\"target\":\"empty\"/" >>"$raw/rows" ||
    echo "compare: $row empty $*: not verified" >&2
}

inside() {
  local row=$1
  shift
  "$bin/bench-inprocess" --json "$@" | sed "s/^{/{\"row\":\"$row\",\"target\":\"rkv\",/" >>"$raw/rows" ||
    echo "compare: $row: not verified" >&2
}

# One request in gRPC's framing: no compression, length, then key and value; the same bytes for both systems.
write_body() {
  local key=key-00000000 value
  value=$(printf 'v%.0s' $(seq 256))
  printf '\x00\x00\x00\x01\x11\x0a\x0c%s\x12\x80\x02%s' "$key" "$value" >"$raw/body"
}

# by_h2load TARGET PATH INFLIGHT ARG...: one cell by h2load, of the cluster that ARGs name.
by_h2load() {
  local target=$1 path=$2 streams=$3 leader before after endpoints rate done_requests
  shift 3
  coproc SERVER { exec "$bin/bench-cluster" "$@" --bin-dir "$bin" --serve; }
  server=$SERVER_PID
  read -r leader before endpoints <&"${SERVER[0]}" || fail "no $target cluster"
  h2load -c 1 -m "$streams" -D "$seconds" --warm-up-time=1 -d "$raw/body" -H 'content-type: application/grpc' \
    -H 'te: trailers' "http://$leader$path" >"$raw/h2load" 2>&1 || fail "h2load: $(tail -n 1 "$raw/h2load")"
  read -r _ after < <("$bin/bench-cluster" "$@" --endpoints "$endpoints" --count)
  rate=$(sed -n 's/^finished in .*, \([0-9.]*\) req\/s.*/\1/p' "$raw/h2load")
  done_requests=$(sed -n 's/.* \([0-9]*\) succeeded.*/\1/p' "$raw/h2load")
  if [ $((after - before)) -ge "$done_requests" ] && [ "$done_requests" -gt 0 ]; then
    printf '{"row":"h2load","target":"%s","inflight":%d,"puts_per_s":%s}\n' "$target" "$streams" "$rate" >>"$raw/rows"
  else
    echo "compare: h2load $target $streams: $done_requests answers, the log grew by $((after - before))" >&2
  fi
  kill "$server"
  wait "$server" || true
  server=
}

memory_round() {
  local n
  for n in ${inflight//,/ }; do
    drive Set rkv --inflight "$n"
    drive Set etcd --inflight "$n"
    drive_empty Set --inflight "$n"
    drive_others Set --inflight "$n"
    by_h2load rkv /openraftpb.AppService/Set "$n" --target rkv
    by_h2load etcd /etcdserverpb.KV/Put "$n" --target etcd
    by_h2load empty /openraftpb.AppService/Set "$n" --binary "$bin/bench-empty" --nodes 1
  done
  drive "Set, busy_poll 100us" rkv --inflight 1 --set transport.busy_poll=100us
  drive "Set, 1 KiB Raft limit" rkv --inflight 64 --set transport.raft_message_max=1KiB
  drive "Set, five nodes" rkv --inflight 64 --nodes 5
  drive "Stream\/Write, 64 a message" rkv --inflight 4096 --batch 64
  drive "Get local" rkv --inflight 64 --mix local=1
  drive_empty "Get local" --inflight 64 --mix local=1
  drive "Get linearizable" rkv --inflight 64 --mix linearizable=1
  inside "in one process" --clients 1,64,1024,4096
  inside "in one process, 4 at once" --clients 4096x4
  drive idle rkv --idle "$seconds"
  drive idle etcd --idle "$seconds"
}

# probe: a row of what the device does by itself.
probe() {
  "$bin/bench-cluster" --probe "$durable" --json | sed 's/^{/{"row":"probe","target":"device",/' >>"$raw/rows"
}

durable_round() {
  local n
  probe
  for n in ${inflight//,/ }; do
    drive "Set, durable" rkv --durable "$durable" --inflight "$n"
    drive "Set, durable" etcd --durable "$durable" --inflight "$n"
  done
  probe
}

for program in bench-cluster bench-inprocess bench-empty raft-key-value; do
  [ -x "$bin/$program" ] || fail "no $bin/$program: cmake --preset release && cmake --build --preset release"
done
command -v etcd >/dev/null || fail "etcd is missing: apt-get install etcd-server"
[ -n "$durable" ] || command -v h2load >/dev/null || fail "h2load is missing: apt-get install nghttp2-client"
load=$(cut -d ' ' -f 1-3 /proc/loadavg)
if [ ${#write[@]} -gt 0 ] && [ "$(awk '{ print ($1 > 0.5) }' /proc/loadavg)" -eq 1 ]; then
  fail "the machine is busy (load $load): what is measured now says nothing; wait, or look with --no-write"
fi
raw=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT TERM
write_body
page=RESULTS
[ -z "$durable" ] || page=DURABLE
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  if [ -n "$durable" ]; then durable_round; else memory_round; fi
done
python3 bench/table.py "${write[@]}" --page "$page" \
  --note "$(date -u +%F), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)" \
  --note "load of the machine before: $load (1, 5, 15 minutes; anything above 0.2 is somebody else's)" \
  --note "rkv $(git describe --always --dirty 2>/dev/null || echo unknown), $(etcd --version | head -n 1), gRPC $(
    sed -n 's/^Version: //p' <(dpkg -s libgrpc29 2>/dev/null))" \
  --note "$rounds rounds of $seconds s, 256-byte values, 100,000 keys, three nodes and the generator on one machine" \
  <"$raw/rows"
