#!/usr/bin/env bash
# Every measurement of bench-machine is right or skipped on a simulated device, wrong when the kernels are, and a
# process that ends in between costs one probe; PTX too new for the driver is no failure; a run that is stopped by its
# time limit says so.   run.sh BENCH-MACHINE ARCH LEAST-VERIFIED WRONG-COMPILER DYING-COMPILER OLD-DRIVER
set -u
bench=$1 arch=$2 least=$3 wrong=$4 dying=$5 old=$6 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

complain() { echo "$1"; cat "$work/log"; exit 1; }
count() { grep -c "$1" "$work/out.json"; }
# EXPECTED-CODE [VARIABLE=VALUE…]: a whole run.
run() {
  local code=0 expected=$1
  shift
  env "$@" "$bench" --device "sim:$arch" --tiny --out "$work/out.json" 2>"$work/log" || code=$?
  [ $code = "$expected" ] || complain "exit code $code, expected $expected"
  [ "$(count '"complete": true')" = 1 ] || complain "the record is not complete"
  [ "$(count '"name": ".*\..*"')" = "$listed" ] || complain "$listed measurements are listed, others recorded"
  for time in began ended; do
    [ "$(count "^   \"$time\": [0-9]\{10\}\.[0-9]")" = "$listed" ] || complain "a measurement lacks when it $time"
  done
}

listed=$("$bench" --list | wc -l)
# What a limit cuts off are not the answers that design waits for.
"$bench" --list | cut -d' ' -f1 >"$work/log"
grep -m 1 -B 999 '^wgmma' "$work/log" | grep -q '^driver.setmaxnreg' || complain "wgmma comes before setmaxnreg"

run 0
verified=$(count '"verified": true')
[ "$verified" -ge "$least" ] || complain "$verified measurements are verified, $least should be"
[ $((verified + $(count '"skipped": ".*no such instructions"'))) = "$listed" ] || complain "neither verified nor skipped"

run 5 SAGEC_COMPILER="$wrong"
[ "$(count '"verified": true')" = 0 ] || { grep -B8 '"verified": true' "$work/out.json"; complain "wrong, and not seen"; }

run 5 SAGEC_COMPILER="$dying"
# The head is that of the whole run, not of the process that wrote it last.
first=$(sed -n 's/^   "began": \([0-9.]*\).*/\1/p' "$work/out.json" | sort -n | head -n 1)
run=$(sed -n 's/^ "began": \([0-9.]*\).*/\1/p' "$work/out.json")
awk "BEGIN { exit !($run <= $first) }" || complain "the run began at $run, after its first measurement at $first"
[ "$(count "^ \"date\": \"$(date -u -d "@${run%.*}" +%Y-%m-%dT%H:%M:%SZ)\"")" = 1 ] || complain "the date is not when the run began"
# The third kernel of each process: all but every third probe are measured.
[ "$(count '"failed": "the process ended by signal 6"')" -gt 0 ] || complain "no probe failed"
[ "$(count '"verified": true')" -gt $((least / 2)) ] || complain "more is lost than what failed"

run 0 SAGEC_SIMULATOR="$old"
unknown=$(count '"skipped": ".*CUDA_ERROR_UNSUPPORTED_PTX_VERSION')
[ "$unknown" = "$verified" ] || complain "the driver knows no PTX, and not all is skipped for it"

"$bench" --device "sim:$arch" --tiny --time-limit 0.001 --out "$work/out.json" 2>"$work/log" || complain "exit code $?"
grep -q '^stopped by --time-limit: 0 of' "$work/log" || complain "stopped, and does not say so"
[ "$(count '"complete": false')" = 1 ] || complain "stopped, and complete"
"$bench" --device "sim:$arch" --tiny --time-limit 0.001 2>"$work/log" | grep -q '"complete": false' ||
  complain "no record on standard output"
echo "$verified of $listed verified"
