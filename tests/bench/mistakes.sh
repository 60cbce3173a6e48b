#!/bin/bash
# bench-attention does not time wrong results: a softmax that is off, and a product that is.
#   mistakes.sh BENCH-ATTENTION KERNELS
set -eu
bench=$1 kernels=$2 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed 's/let p = exp2(s - safe/let p = exp2(1.1 * s - safe/' "$kernels/attention.tile" >"$work/attention.tile"
sed 's/y += dot/y += y + dot/' "$kernels/product.tile" >"$work/product.tile"
for only in "sage-b D 64 N 130" "gemm i8" "gemm f16"; do
  code=0
  SAGEC_KERNELS=$work "$bench" --device sim:sm_80 --tiny --only "$only" --out "$work/out.json" 2>"$work/log" || code=$?
  if [ $code -ne 5 ] || ! grep -q ": failed, " "$work/log"; then
    echo "$only: exit code $code, expected 5 and a failed case:"
    cat "$work/log"
    exit 1
  fi
done
