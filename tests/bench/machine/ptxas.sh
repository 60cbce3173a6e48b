#!/usr/bin/env bash
# Every kernel of bench-machine for every arch through ptxas: no error, no spill, no serialised wgmma, no setmaxnreg
# ignored.   ptxas.sh MACHINE-KERNELS
set -u
kernels=$1
ptxas=$(command -v ptxas || command -v /usr/local/cuda/bin/ptxas) || { echo "skipped: ptxas is not installed (it comes with the CUDA toolkit)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 failures=0
for arch in sm_80 sm_86 sm_89 sm_90a sm_120a; do
  "$ptxas" -arch="$arch" --version >/dev/null 2>&1 || { echo "this ptxas does not know $arch"; continue; }
  rm -f "$work"/*.ptx
  "$kernels" "$arch" "$work" || exit 1
  for ptx in "$work"/*.ptx; do
    count=$((count + 1))
    if ! "$ptxas" -arch="$arch" -v "$ptx" -o "$work/cubin" >"$work/log" 2>&1 ||
      grep -qE '[1-9][0-9]* bytes spill|C75[0-9][0-9]' "$work/log"; then
      echo "$(basename "$ptx"), $arch:"
      cat "$work/log"
      failures=$((failures + 1))
    fi
  done
done
echo "$count kernels assembled, $failures failures"
[ $failures = 0 ] && [ $count -gt 0 ]
