#!/usr/bin/env bash
# test.sh [all | NAME...]: installs what is missing, builds, plays tests. Last line: N passed, N failed.
# Alone it plays the short size: one short form of every story, at most 10 minutes on two cores with the build.
# all: the long forms too, the other compiler, clang-tidy, the sanitizers; at most 30 minutes. Still longer: soak.sh.
# NAME...: these suites, each with its long forms.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# style      the code's rules, on sources and objects
# unit       one part at a time           golden   conversations of core/raft
# model      votes, commits and memberships of core/raft, every state within bounds
# sim        whole clusters under trouble, in virtual time, many seeds
# contract   rkv-contract on every plugin of ours, and on plugins broken on purpose
# cluster    several nodes: in one process (ctest), as processes (pytest)
# package    what is installed and packed, and plugins built from it alone
# fuzz       a fixed number of inputs for each target, under address+undefined sanitizers (longer: fuzz.sh)
# clang      everything compiles with the other compiler
# tidy       clang-tidy's checks (.clang-tidy) find nothing in what is installed
# asan tsan  unit, golden, contract (all counted as -unit), sim and cluster once more, under sanitizers; tsan: not what has one
#            thread, but for a few turns of the simulator
short=(style unit golden model sim contract cluster package)
suites=("${short[@]}" fuzz clang tidy asan tsan)
labels=(unit golden model sim contract cluster package) # what ctest knows; `long` beside it: not in the short size, `short`:
                                                         # only there, for the long form plays it too
# Seconds on two cores, of the short size. What takes longer is told; it is a failure only with RKV_SHARES=strict, for a
# machine that others load must not make the run red.
declare -A shares=([unit]=60 [contract]=90 [cluster]=180)
short_s=600 all_s=1800 # a whole run's, with its builds
workers=4 # that share the cluster suite, at most as many as ports.py knows
memory_kib=$((2 << 20)) memory= # what in_memory wants, and where it is
out=build/test-results
passed=0
failed=0
python=/usr/bin/python3 # the distribution's: python3-grpcio belongs to it

usage() {
  echo "usage: test.sh [all | NAME...]   NAME is one of: ${suites[*]}" >&2
  exit 64
}

wanted() {
  local name
  for name in "${names[@]}"; do [ "$name" != "$1" ] || return 0; done
  return 1
}

# add STAGE STARTED PASSED FAILED: counts a stage and says how it went.
add() {
  passed=$((passed + $3))
  failed=$((failed + $4))
  printf '%-16s %4d s  %4d passed, %d failed\n' "$1" $((SECONDS - $2)) "$3" "$4"
}

# share NAME STARTED SECONDS: compares what a suite took with its share.
share() {
  local took=$((SECONDS - $2))
  if [ "$took" -le "$3" ]; then
    echo "    $1 $took s, within its share of $3 s"
    return
  fi
  echo "    warning: $1 $took s, its share is $3 s (CONTRIBUTING.md, Test)"
  [ "${RKV_SHARES-}" != strict ] || failed=$((failed + 1))
}

# suite NAME COMMAND...: plays it; in the short size, whose shares these are, it says whether it kept its own.
suite() {
  local name=$1 started=$SECONDS
  shift
  "$@"
  if [ "$size" = short ] && [ -n "${shares[$name]-}" ]; then share "$name" "$started" "${shares[$name]}"; fi
}

# build PRESET WERROR [FLAG...]: false (and one failure counted) if it does not compile.
build() {
  local preset=$1 werror=$2 started=$SECONDS log=$out/build-$1.log
  shift 2
  if cmake --preset "$preset" -DRKV_WERROR="$werror" "$@" >"$log" 2>&1 &&
    cmake --build --preset "$preset" -j 2 >>"$log" 2>&1; then
    add "build $preset" "$started" 0 0
  else
    grep -E -A 3 'error:|Error |undefined reference' "$log" | head -n 40 >&2 || tail -n 20 "$log" >&2
    add "build $preset" "$started" 0 1
    return 1
  fi
}

# count STAGE STARTED EXIT_CODE LOG JUNIT...: adds what test programs reported; one that broke off is a failure.
count() {
  local sums=(0 0)
  if [ -s "$5" ]; then read -ra sums < <("$python" tests/support/tally.py "${@:5}"); fi
  if [ "$3" -ne 0 ] && [ "${sums[1]}" -eq 0 ]; then
    sums[1]=1
    cat "$4" >&2
  fi
  add "$1" "$2" "${sums[0]}" "${sums[1]}"
}

# in_memory COMMAND...: with a TMPDIR in memory, if there is room. Most of a storage's test is waiting for syncs; that they
# come, and in what order, the tests see without a disk. The release build of `all` and of named suites plays on the disk.
in_memory() {
  local room=0
  [ ! -d /dev/shm ] || room=$(df --output=avail -k /dev/shm | tail -n 1)
  if [ "$room" -lt "$memory_kib" ]; then
    "$@"
    return
  fi
  memory=$(mktemp -d /dev/shm/rkv-test-XXXXXX)
  TMPDIR=$memory "$@"
  rm -rf "$memory"
}

# run_ctest STAGE PRESET LABEL JOBS
run_ctest() {
  local started=$SECONDS junit=$PWD/$out/$1.xml log=$out/$1.log code=0
  rm -f "$junit"
  if [ "$(ctest --test-dir "build/$2" -N -L "^$3\$" "${less[@]}" | tail -n 1)" = "Total Tests: 0" ]; then return 0; fi
  ctest --test-dir "build/$2" -L "^$3\$" "${less[@]}" -j "$4" --output-on-failure --output-junit "$junit" \
    --test-output-size-passed 65536 >"$log" 2>&1 || code=$?
  count "$1" "$started" "$code" "$log" "$junit"
}

# pytest_worker NUMBER MARKS: plays the tests with these marks, as far as no other worker does.
pytest_worker() {
  RKV_WORKER=$1 "$python" -m pytest -q -p no:cacheprovider tests/cluster -m "$2" --junitxml="$out/$stage-$1.xml" \
    >"$out/$stage-$1.log" 2>&1
}

# run_pytest STAGE PRESET SLOW AND: SLOW is 1 for builds that need more patience; AND restricts the marks. A test of a plain
# build computes for a quarter of its time and waits the rest, so workers share them (conftest.py); those that measure time
# come last, alone.
run_pytest() {
  local stage=$1 started=$SECONDS slow=$3 and=$4 code=0 worker started_workers=()
  local -x RKV_BUILD=$PWD/build/$2 RKV_SLOW=$slow RKV_CLAIMS
  RKV_CLAIMS=$(mktemp -d)
  rm -f "$out/$stage"-[0-9].xml "$out/$stage"-[0-9].log
  for ((worker = 0; worker < workers; worker++)); do
    pytest_worker "$worker" "not alone$and" &
    started_workers+=($!)
  done
  for worker in "${started_workers[@]}"; do wait "$worker" || code=$?; done
  pytest_worker "$workers" "alone$and" || code=$?
  rm -rf "$RKV_CLAIMS"
  cat "$out/$stage"-[0-9].log >"$out/$stage.log"
  count "$stage" "$started" "$code" "$out/$stage.log" "$out/$stage"-[0-9].xml
}

# run_style STAGE [ARG...]: the check's last line is `N passed, N failed`.
run_style() {
  local started=$SECONDS stage=$1 log=$out/$1.log last good=0 bad=1
  shift
  [ -x tests/style/check.py ] || return 0
  "$python" tests/style/check.py "$@" >"$log" 2>&1 || true
  last=$(tail -n 1 "$log")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}; fi
  [ "$bad" -eq 0 ] || cat "$log" >&2
  add "$stage" "$started" "$good" "$bad"
}

# A label that is in no suite would be a test that nobody runs.
check_labels() {
  local label
  while read -r label; do
    case " ${labels[*]} long short " in
      *" $label "*) ;;
      *)
        echo "test.sh: the ctest label $label is in no suite" >&2
        failed=$((failed + 1))
        ;;
    esac
  done < <(ctest --test-dir build/release --print-labels | sed -n 's/^  //p')
}

run_model() {
  run_ctest model release model 2
  sed -n 's/^.*\(model: [0-9].*\)$/    \1/p' "$out/model.xml" # how many states, within which bounds
}

run_cluster() {
  run_ctest cluster-inside release cluster 1
  if [ "$size" = short ]; then run_pytest cluster release 0 " and not long"; else run_pytest cluster release 0 ""; fi
}

# More jobs than cores where tests wait more than they compute: for half of the time those of unit and contract do.
run_release() {
  build release ON || return 0
  check_labels
  if wanted style; then run_style style-objects --objects build/release; fi
  if wanted unit; then suite unit run_ctest unit release unit 3; fi
  if wanted golden; then run_ctest golden release golden 2; fi
  if wanted model; then run_model; fi
  if wanted sim; then run_ctest sim release sim 1; fi
  if wanted contract; then suite contract run_ctest contract release contract 4; fi
  if wanted cluster; then suite cluster run_cluster; fi
  if wanted package; then run_ctest package release package 2; fi
  if wanted tidy; then run_tidy; fi
}

# Each source is a test. Which there are the build knows; only what is installed is looked at.
run_tidy() {
  local started=$SECONDS log=$out/tidy.log sources code=0 bad
  mapfile -t sources < <(sed -n "s#^ *\"file\": \"$PWD/\(\(core\|libs\|plugins\|tools\)/.*\)\",\?\$#\1#p" \
    build/release/compile_commands.json | sort -u)
  printf '%s\0' "${sources[@]}" |
    xargs -0 -n 8 -P 2 clang-tidy -p build/release --quiet --warnings-as-errors='*' \
      --extra-arg=-Wno-ignored-optimization-argument >"$log" 2>"$log.err" || code=1 # gcc's flags, by clang
  bad=$(sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error: .*/\1/p' "$log" | sort -u | wc -l)
  if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then # it broke off
    bad=1
    tail -n 20 "$log.err" >&2
  fi
  cat "$log" >&2
  add tidy "$started" $((${#sources[@]} - bad)) "$bad"
}

# Warnings are no errors here: gcc's own manual warns of false ones in sanitized code.
run_sanitized() {
  local workers=3 # it computes more
  build "$1" OFF -DRKV_BENCH=OFF || return 0
  run_ctest "$1-unit" "$1" "(unit|golden|contract)" 2 # in one go: the longest one alone would leave a core idle
  run_ctest "$1-sim" "$1" sim 1
  run_ctest "$1-inside" "$1" cluster 1
  run_pytest "$1-cluster" "$1" 1 " and not slow and not long"
}

run_fuzz() {
  build fuzz ON || return 0
  mkdir -p build/fuzz/tests # of scratch directories
  run_ctest fuzz fuzz fuzz 2
  sed -n 's/^.*stat::number_of_executed_units: *\([0-9]*\)$/\1/p' "$out/fuzz.xml" |
    awk '{ runs += $1 } END { printf "    fuzz: %d inputs, %d targets\n", runs, NR }'
}

trap 'rm -rf "$memory"' EXIT
size=named names=("$@") less=(-LE '^short$')
case "$*" in
  "") size=short names=("${short[@]}") less=(-LE '^long$') ;;
  all) size=all names=("${suites[@]}") ;;
esac
for name in "${names[@]}"; do
  case " ${suites[*]} " in *" $name "*) ;; *) usage ;; esac
done
./scripts/setup.sh test
mkdir -p "$out"
unset RKVCTL_ENDPOINTS
support=$PWD/tests/support
# intercept_tls_get_addr: the runtime of GCC up to 13 takes some of the blocks that hold thread-local variables for
# something else, by chance of their address, and ends the process at its exit ("Tracer caught signal 11") or misses what
# they point to.
export ASAN_OPTIONS=detect_stack_use_after_return=1:intercept_tls_get_addr=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$support/tsan.supp:halt_on_error=1:second_deadlock_stack=1

if wanted style; then run_style style; fi
if wanted style || wanted unit || wanted golden || wanted model || wanted sim || wanted contract || wanted cluster ||
  wanted package || wanted tidy; then
  if [ "$size" = short ]; then in_memory run_release; else run_release; fi
fi
if wanted fuzz; then run_fuzz; fi
# It is not played, so it is not optimized either; what the compiler warns of does not depend on that.
if wanted clang; then
  build clang ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 -DCMAKE_CXX_FLAGS_DEBUG=-O0 || true
fi
if wanted asan; then in_memory run_sanitized asan; fi
if wanted tsan; then in_memory run_sanitized tsan; fi

case $size in
  short) share "the short size" 0 "$short_s" ;;
  all) share all 0 "$all_s" ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
