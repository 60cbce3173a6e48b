#!/bin/bash
# After an error of the device that stays, a program goes on behind the case that made it, in a process of its own: all
# cases are in the file, some of them failed.
#   goes-on.sh PROGRAM TRAPPING-COMPILER
set -u
program=$1 compiler=$2 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SAGEC_COMPILER=$compiler "$program" --device sim:sm_80 --tiny --only "N 1" --out "$work/out.json" 2>"$work/log"
code=$?
# The record has a line for each name.
cases=$(grep -c '"name": ".* N 1' "$work/out.json") wanted=$("$program" --tiny --only "N 1" --list | wc -l)
failed=$(grep -c '"status": "failed"' "$work/out.json")
if [ $code -ne 5 ] || [ "$cases" -ne "$wanted" ] || [ "$failed" -lt 2 ] || ! grep -q '"complete": true' "$work/out.json" ||
  ! grep -q "starting anew behind" "$work/log"; then
  echo "exit code $code, expected 5; $cases cases of $wanted, $failed failed, expected 2 at least:"
  cat "$work/log"
  exit 1
fi
