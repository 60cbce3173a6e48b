#!/usr/bin/env bash
# Damages the shipped kernels, one instruction at a time (MutantCompiler.cpp), and runs them in the simulator. Damaged
# synchronisation must be reported by its detectors; a shifted address reported, or the output be another one.
#   mutation.sh BIN MUTANT_LIBRARY sync|shift STEP ALLOWED CONFIG...
# Every STEP-th mutant is tried; more than ALLOWED unnoticed ones of a config are a failure. Prints a line a mutant.
set -u
bin=$1 library=$2 class=$3 step=$4 allowed=$5
shift 5
# A wrong slot of a reduction shows only where it held the maximum: more blocks, more of these.
heads=1 && [ "$class" = shift ] && heads=8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

classify() { # LOG CODE
  local log=$1 code=$2 kind
  kind=$(grep -o -m1 '^sagesim: [a-z_]*:' "$log" | cut -d' ' -f2 | tr -d :)
  if [ -n "$kind" ]; then echo "reported as $kind"
  elif [ "$class" = shift ] && ! cmp -s "$work/right" "$work/o"; then echo "another output"
  elif [ "$code" -ne 0 ]; then echo "SURVIVED (run failed: $code)"
  else echo "SURVIVED"; fi
}

failed=0
for config in "$@"; do
  total=0 caught=0
  attend() { # PROGRAM-OPTIONS…
    rm -f "$work/o"
    SAGESIM_TIMEOUT=60 "$bin/sagec" run "${config%%:*}" $([[ $config == *:* ]] && echo "--set ${config#*:}") \
      --random 1,$heads,512,64 --device sim:sm_80 --output "$work/o" "$@" >"$work/out" 2>"$work/log"
  }
  attend && mv "$work/o" "$work/right" || { cat "$work/log"; exit 1; }
  for ((n = 0; ; n += step)); do
    cp "$library" "$work/libmutant-$class-$n.so"
    attend --compiler "$work/libmutant-$class-$n.so"
    code=$?
    rm -f "$work/libmutant-$class-$n.so"
    what=$(grep -m1 '^mutant ' "$work/log") || break
    verdict=$(classify "$work/log" "$code")
    total=$((total + 1))
    [[ $verdict == SURVIVED* ]] || caught=$((caught + 1))
    echo "$config $what => $verdict"
  done
  echo "$config: $caught of $total mutants noticed"
  if [ "$total" -eq 0 ] || [ $((total - caught)) -gt "$allowed" ]; then failed=1; fi
done
exit $failed
