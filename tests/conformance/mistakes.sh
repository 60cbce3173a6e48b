#!/bin/bash
# The conformance program finds kernels that are wrong: a scale that is off, and rounding that is not to nearest.
#   mistakes.sh CONFORMANCE KERNELS
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME FILE SED-EXPRESSION EXPECTED-TEXT
try() {
  mkdir "$work/$1"
  sed "$3" "$2" >"$work/$1/$(basename "$2")"
  if cmp -s "$2" "$work/$1/$(basename "$2")"; then echo "$1: the program did not change"; exit 1; fi
  local code=0
  SAGEC_KERNELS="$work/$1" "$conformance" --device sim:sm_80 --tiny --only "$5" --out "$work/$1.json" 2>"$work/$1.log" || code=$?
  if [ $code -ne 5 ] || ! grep -q "$4" "$work/$1.log"; then
    echo "$1: exit code $code, expected 5 and '$4':"
    cat "$work/$1.log"
    exit 1
  fi
}

conformance=$1 kernels=$2
try scale "$kernels/attention.tile" 's/let p = exp2(s - safe/let p = exp2(1.1 * s - safe/' "accuracy failed" "sage-b D 64 N 129"
try coarse "$kernels/quantize.tile" 's|/ Q.max|/ (Q.max / 4.0)|' "accuracy failed" "sage-b D 64 N 129"
