#!/bin/bash
# A test that loses the device costs only itself: the next runs in a new process, and the exit status tells of the first.
#   goes-on.sh NUMERICS-TESTS TRAPPING-COMPILER
set -u
program=$1 compiler=$2 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { SAGEC_COMPILER=$compiler "$program" "a tail of keys*,16-bit attention needs no workspace" "$@" >"$work/log" 2>&1; }
die() { echo "FAILED: $*"; cat "$work/log"; exit 1; }
run
[ $? -eq 1 ] || die "the exit status"
grep -q "starting anew behind 'a tail of keys costs no accuracy'" "$work/log" || die 'does not start anew'
grep -q 'All tests passed (.* in 1 test case)' "$work/log" || die 'does not go on'
tail -n 1 "$work/log" | grep -q "'a tail of keys costs no accuracy' failed, and lost the device" ||
  die 'the last word is not of what failed'
[ "$(grep -c 'a tail of keys costs no accuracy$' "$work/log")" = 1 ] || die 'runs a test twice'
run --after '16-bit attention needs no workspace'
{ [ $? -eq 1 ] && [ ! -s "$work/log" ]; } || die 'nothing is left, and something is said'
run --after 'no test'
{ [ $? -eq 2 ] && grep -q "there is no test 'no test'" "$work/log"; } || die 'a name that is none'
