#!/usr/bin/env bash
# fuzz.sh [TARGET [SECONDS]]: builds the fuzz targets and runs one, or each, for so long (60 s). What is found is kept in
# build/fuzz-corpus/TARGET and begun with the next time; an input that breaks something is told and kept beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${2-60}
corpus=build/fuzz-corpus

[ $# -le 2 ] && [[ $seconds =~ ^[0-9]+$ ]] || {
  echo "usage: fuzz.sh [TARGET [SECONDS]]" >&2
  exit 64
}
./scripts/setup.sh test
cmake --preset fuzz -DRKV_WERROR=ON >/dev/null
cmake --build --preset fuzz -j 2 >/dev/null
targets=(build/fuzz/fuzz/*)
targets=("${targets[@]##*/}")
if [ $# -gt 0 ]; then
  case " ${targets[*]} " in *" $1 "*) ;; *)
    echo "fuzz.sh: no target $1; there are: ${targets[*]}" >&2
    exit 64
    ;;
  esac
  targets=("$1")
fi
for target in "${targets[@]}"; do
  mkdir -p "$corpus/$target"
  echo "== $target"
  "build/fuzz/fuzz/$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
    -artifact_prefix="$corpus/$target-" -verbosity=1 -print_final_stats=1 "$corpus/$target" "tests/fuzz/seeds/$target" \
    2>&1 | grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)'
done
