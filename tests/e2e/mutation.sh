#!/usr/bin/env bash
# Damages the synchronisation of the shipped kernels, one instruction at a time (MutantCompiler.cpp), runs them in the
# simulator and counts how many mutants its detectors report.
#   mutation.sh BIN MUTANT_LIBRARY STEP ALLOWED CONFIG...
# Every STEP-th mutant is tried; more than ALLOWED unreported ones of a config are a failure. Prints a line a mutant.
set -u
bin=$1 library=$2 step=$3 allowed=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

classify() {
  local log=$1 code=$2 kind
  kind=$(grep -o -m1 '^sagesim: [a-z_]*:' "$log" | cut -d' ' -f2 | tr -d :)
  if [ -n "$kind" ]; then echo "reported as $kind"
  elif [ "$code" -ne 0 ]; then echo "SURVIVED (run failed: $code)"
  else echo "SURVIVED"; fi
}

failed=0
for config in "$@"; do
  total=0 reported=0
  for ((n = 0; ; n += step)); do
    cp "$library" "$work/libmutant-$n.so"
    SAGESIM_TIMEOUT=60 "$bin/sagec" run "${config%%:*}" $([[ $config == *:* ]] && echo "--set ${config#*:}") \
      --random 1,1,512,64 --device sim:sm_80 --compiler "$work/libmutant-$n.so" --check \
      >"$work/out" 2>"$work/log"
    code=$?
    rm -f "$work/libmutant-$n.so"
    what=$(grep -m1 '^mutant ' "$work/log") || break
    verdict=$(classify "$work/log" "$code")
    total=$((total + 1))
    [[ $verdict == reported* ]] && reported=$((reported + 1))
    echo "$config $what => $verdict $(grep -m1 relative_l1 "$work/out")"
  done
  echo "$config: $reported of $total mutants reported"
  if [ "$total" -eq 0 ] || [ $((total - reported)) -gt "$allowed" ]; then failed=1; fi
done
exit $failed
