#!/usr/bin/env bash
# run.sh as on a machine with a GPU, with stand-ins for the programs, nvidia-smi and compute-sanitizer: what hangs is
# stopped at its limit, what fails does not stop the rest, an interrupt leaves a whole directory.
#   run.sh SOURCE SUMMARY-PROGRAM
set -eu
source=$1 summary=$2 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "FAILED: $*"; cat "$work/talk" 2>/dev/null; exit 1; }

kit=$work/kit tools=$work/tools
mkdir -p "$kit/bin" "$tools"
cp "$summary" "$kit/bin/"
printf '%s\ndirty: yes\ndate: 2026-01-01T00:00:00Z\n' 0123456789012345678901234567890123456789 >"$kit/VERSION"
# The limits as they are would take minutes to reach.
sed -E "s/'(conformance|numerics|machine)( +)[0-9]+ /'\1\2 1 /" "$source/tools/gpu-kit/run.sh" >"$kit/run.sh"
cp "$source/tools/gpu-kit/peers.py" "$kit/"
cp -R "$source/tools/gpu-kit/sagekit" "$kit/"

script() { # FILE, from standard input
  { echo '#!/bin/bash'; cat; } >"$1"
  chmod 755 "$1"
}
script "$kit/bin/sagec" <<'END'
case $1 in
devices) echo '{"devices": [{"device": "cuda:0", "name": "stand-in", "arch": "sm_90a", "usable": true, "note": ""},
  {"device": "cuda:1", "name": "", "arch": "", "usable": false, "note": "broken"}]}' ;;
esac
END
script "$kit/bin/conformance" <<'END'
trap '' TERM # has to be killed
echo 'about to "hang" \ for ever'; while :; do sleep 0.2; done
END
script "$kit/bin/numerics-tests" <<'END'
echo 'all is well'
[ -z "$PARTIAL" ] || { printf '0.100 s: one\n1.234 s: another\n'; sleep 60; }
env >"$(dirname "$0")/environment"
END
script "$kit/bin/bench-machine" <<'END'
sleep 60
END
# When asked to, it stops before its end, as the programs do.
script "$kit/bin/bench-attention" <<'END'
[ -z "$PARTIAL" ] || {
  printf '{\n "complete": false,\n "shapes": [\n  {\n   "tokens": 64\n  }\n ],\n "cases": [' >"${@: -1}"
  printf '\n  {\n   "config": "flash",\n   "tokens": 64\n  }%s' , '' >>"${@: -1}"
  printf '\n ],\n "format": 1,\n "running": {\n  "config": "sage-b"\n }\n}\n' >>"${@: -1}"
  exit 0
}
tensors=$(grep -o -- '--tensors [^ ]*' <<<"$*")
scratch=("${tensors#* }" "$CUDA_CACHE_PATH" "$TRITON_CACHE_DIR" "$TORCHINDUCTOR_CACHE_DIR")
printf '%s\n' "${scratch[@]}" >"$(dirname "$0")/scratch"
for directory in "${scratch[@]}"; do
  [ -d "$directory" ] && : >"$directory/kept" || echo "$directory is no directory" >>"$(dirname "$0")/scratch"
done
echo "$@" >"$(dirname "$0")/arguments"; printf 'one\nsage-b: failed, \001\033[31m "\\x"\n\n'; exit 5
END
script "$tools/nvidia-smi" <<'END'
case "$*" in *-lms*) echo "$* TZ=$TZ" >>"$(dirname "$0")/sampled" ;; esac
case "$*" in
-q) printf 'Driver Version                            : 580.00\n' ;;
*event_reasons*) exit 2 ;; # an old driver
*throttle_reasons*-lms*) echo 'timestamp, clocks.current.sm [MHz], clocks_throttle_reasons.active'
  while :; do date -u '+%Y/%m/%d %H:%M:%S.123, 1980 MHz, 0x0000000000000004'; sleep 0.1; done ;;
esac
END
script "$tools/compute-sanitizer" <<'END'
[ -z "$PARTIAL" ] || { case "$*" in *racecheck*sage-b*) sleep 60 ;; esac; exit 0; }
case "$*" in *racecheck*) exit 86 ;; esac
END
script "$tools/python3" <<'END'
[ "$1" != -c ] || { echo "$2" >"$(dirname "$0")/imported"; sleep 60; }
echo "$@" >"$(dirname "$0")/arguments"
printf 'a warning %s\n' 1 2 3 4 5 6 7 8
echo 'all: skipped: PyTorch cannot be imported'
END
start() { PATH=$tools:/usr/bin:/bin bash "$kit/run.sh" "$@"; }

code=0
CUDA_CACHE_DISABLE=1 CUDA_LAUNCH_BLOCKING=1 SAGEC_KERNELS=/none CUDA_VISIBLE_DEVICES=3,1 TZ=Asia/Tokyo \
  start --quick --out "$work/out" >"$work/printed" 2>"$work/talk" || code=$?
[ $code = 5 ] || die "exit status $code where stages failed"
cd "$work/out"
state() { grep -qF "\"name\": \"$1\", \"status\": \"$2\"" run.json || { cat run.json; die "$1 is not $2"; }; }
state facts ok
state conformance timeout
state numerics ok
state machine timeout
state attention failed
state sanitizer failed
state peers skipped
grep -qF 'exit status 5: sage-b: failed, ??[31m \"\\x\"' run.json || die 'no reason in run.json'
grep -q '"memcheck sage-b: ok, racecheck sage-b: ERRORS, synccheck sage-b: ok"' run.json ||
  die 'the sanitizer did not find'
grep -q '"driver": "580.00"' device.json || die 'no driver in device.json'
grep -q '1980 MHz, 0x0000000000000004' clocks.csv || die 'no clocks'
mapfile -t scratch <"$kit/bin/scratch"
grep -qF -- "--device cuda:0 --quick --time-limit 30 --tensors ${scratch[0]} --out" "$kit/bin/arguments" ||
  die 'the benchmark was called wrongly'
grep -qF -- "--shapes $work/out/attention.json --tensors ${scratch[0]} --out" "$tools/arguments" ||
  die 'the peers were called wrongly'
grep -q 'attention  *failed' summary.txt || die 'no summary'
# Almost all of the time is left to the peers: 180 s less what summary, packing and the sanitizer may take.
grep -qE '"name": "peers".*"limit": 1(3|4)[0-9],' run.json || die 'the peers do not get the time that is left'
tar -tf results.tar.xz | grep -q out/clocks.csv || die 'the clocks are not packed'
still_runs() { grep -qsaE "$work/(ki[t]/bin|tool[s])/" /proc/[0-9]*/cmdline; }
still_runs && die 'something still runs'
python3 -c 'import json, sys; [json.load(open(name)) for name in sys.argv[1:]]' run.json device.json || die 'no JSON'

# What would change the measurement is not handed on; what chooses the GPU is.
grep -qE '^(CUDA_CACHE_DISABLE|CUDA_LAUNCH_BLOCKING|SAGEC_KERNELS)=' "$kit/bin/environment" &&
  die 'settings are handed on'
grep -q '^CUDA_VISIBLE_DEVICES=3,1$' "$kit/bin/environment" || die 'the choice of the GPU is not handed on'
# The GPU that is sampled is the one that is measured, and times are of the same clock as those of the programs.
grep -q '^CUDA_DEVICE_ORDER=PCI_BUS_ID$' "$kit/bin/environment" || die 'devices are not counted as nvidia-smi does'
grep -q -- '^-i 3 .*-lms 200 TZ=UTC0$' "$tools/sampled" || die "sampled wrongly: $(cat "$tools/sampled")"

# PyTorch was read ahead, and whoever did it is gone (nothing runs any more, see above).
grep -q 'import torch' "$tools/imported" || die 'PyTorch was not read ahead'

# Inputs and what programs compile are kept in a directory of the run, which is gone.
[ ${#scratch[@]} = 4 ] || die "not all directories were made: ${scratch[*]}"
for directory in "${scratch[@]}"; do
  case $directory in "$work/out"*) die 'inputs and caches would be packed' ;; esac
  [ ! -e "$(dirname "$directory")" ] || die "$directory is still there"
done

# Stages of which a part is missing are not ok, and the exit status tells. A driver that starts slowly takes its time
# from the last stages, here all of it.
cp "$kit/run.sh" "$work/limits"
cp "$kit/bin/conformance" "$work/hangs"
sed -i -E "s/'(sanitizer)( +)[0-9]+ /'\1\2 2 /" "$kit/run.sh"
echo 'exit 0' | script "$kit/bin/conformance"
cp "$kit/bin/conformance" "$kit/bin/bench-machine"
code=0
PARTIAL=yes start --quick --out "$work/part" >"$work/printed" 2>"$work/talk" || code=$?
[ $code = 5 ] || die "exit status $code where stages are partial"
cd "$work/part"
state numerics timeout
grep -q 'stopped at its limit of 1 s; 2 tests done' run.json || die 'no count of tests'
state machine ok
state attention partial
state sanitizer partial
grep -q 'stopped by its time limit; 2 cases done' run.json || die 'no count of cases'
grep -q '"memcheck sage-b: ok, racecheck sage-b: out of time, synccheck sage-b: no time left"' run.json ||
  die 'the sanitizer does not say what it has not run'
grep -q 'attention  *partial' summary.txt || die 'the summary does not say what is partial'
echo 'exit 1' | script "$tools/xz" # as that of a small system, which can only unpack
code=0
start --full --out "$work/full" >"$work/printed" 2>"$work/talk" || code=$?
[ $code = 5 ] || die "exit status $code of a full run where a stage failed"
grep -q 'memcheck sage-b: ok, memcheck flash: ok, racecheck sage-b: ERRORS, racecheck flash: ERRORS' \
  "$work/full/run.json" || die 'a full run does not try both configs'
tar -tzf "$work/full/results.tar.gz" | grep -q full/run.json && [ ! -e "$work/full/results.tar.xz.part" ] ||
  die 'no archive where xz fails'
rm "$tools/xz"
sed -i -E "s/^totals='180 /totals='14 /" "$kit/run.sh"
code=0
start --quick --out "$work/late" >"$work/printed" 2>"$work/talk" || code=$?
[ $code = 5 ] || die "exit status $code where no time is left"
cd "$work/late"
state attention timeout
grep -q 'no time left' run.json || die 'no word on the time'
cp "$work/limits" "$kit/run.sh"
cp "$work/hangs" "$kit/bin/conformance"

# An interrupt while a stage runs.
PATH=$tools:/usr/bin:/bin bash "$kit/run.sh" --quick --out "$work/cut" >"$work/printed" 2>"$work/talk" &
main=$!
until [ -s "$work/cut/log-conformance.txt" ]; do sleep 0.1; done
still_runs || die 'the test does not see what runs'
kill -TERM $main
code=0
wait $main || code=$?
[ $code = 130 ] || die "exit status $code after an interrupt"
cd "$work/cut"
state conformance interrupted
grep -q '"complete": false' run.json || die 'an interrupted run says that it is complete'
grep -q '"name": "attention"' run.json && die 'went on after an interrupt'
[ -s summary.txt ] && [ -s results.tar.xz ] || die 'nothing usable after an interrupt'
still_runs && die 'something still runs after an interrupt'

# Mistakes.
mistake() { # STATUS WORDS ARGUMENT…
  local status=$1 words=$2 code=0
  shift 2
  start "$@" >"$work/printed" 2>"$work/talk" || code=$?
  { [ $code = "$status" ] && grep -qF -- "$words" "$work/talk"; } || die "exit status $code for: $*"
}
mistake 2 'say where the results go' --quick
mistake 2 "unknown argument '--fast'" --fast --out "$work/new"
mistake 2 '--out needs a value' --out
mistake 2 "not 'gpu'" --device gpu --out "$work/new"
mistake 1 'is not empty' --out "$work/out"
mistake 1 'cannot write' --out /proc/none
mistake 3 'no usable cuda:1' --device cuda:1 --out "$work/new"
mistake 3 'no usable cuda:7' --device cuda:7 --out "$work/new"
[ ! -e "$work/new" ] || die 'a mistake left a directory'

# The promise of --help is kept: all limits and the time to kill add up to 3 and 8 minutes at most.
start --help |
  awk '/^  [a-z]+ +[0-9]+ +[0-9]+$/ { q += $2 + 2; f += $3 + 2; n++ } END { exit !(n == 10 && q <= 180 && f <= 480) }' ||
  die 'the limits are too long'
echo ok
