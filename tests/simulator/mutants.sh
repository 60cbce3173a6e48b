#!/usr/bin/env bash
# Damages the attention kernel of the benchmark, one place at a time, and runs it: every barrier, commit and wait is
# dropped, every wait weakened by one group, every address in shared memory shifted by one element of its access (16
# bytes). A dropped or weakened one must be reported by a detector, a shifted one reported or the result wrong.
#   mutants.sh BENCH KERNEL.ptx STEP
# Every STEP-th mutant is tried. Prints a line a mutant.
set -u
bench=$1 kernel=$2 step=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Mutants that stay silent and are right all the same, by kind and text of the line; docs/simulator.md has the reasons.
harmless='^$'

total=0 caught=0 number=0
try() { # KIND LINE SED-SCRIPT
  number=$((number + 1))
  [ $(((number - 1) % step)) -eq 0 ] || return
  sed "$2 $3" "$kernel" >"$work/mutant.ptx"
  cmp -s "$kernel" "$work/mutant.ptx" && { echo "line $2 is not changed by $3" >&2; exit 1; }
  SAGESIM_TIMEOUT=60 "$bench" --seconds 0 --ptx "$work/mutant.ptx" >"$work/out" 2>"$work/log"
  local code=$? kind verdict=SURVIVED text
  text=$(sed -n "$2 p" "$kernel" | sed 's/^[ \t]*//')
  kind=$(grep -o -m1 '^sagesim: [a-z_]*:' "$work/log" | cut -d' ' -f2 | tr -d :)
  if [ -n "$kind" ]; then
    verdict="reported as $kind"
  elif [ "$1" = shift ] && [ $code -ne 0 ]; then
    verdict="wrong result"
  elif [[ "$1 $text" =~ $harmless ]]; then
    verdict=harmless
  fi
  total=$((total + 1))
  [ "$verdict" = SURVIVED ] || caught=$((caught + 1))
  echo "$1 line $2: $text => $verdict"
}

"$bench" --seconds 0 --ptx "$kernel" >"$work/out" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
while IFS=: read -r line text; do
  try drop "$line" 's/^.*$//'
  case $text in *wait_group*) groups=${text##*wait_group } && groups=${groups%%;*}
    try weaken "$line" "s/wait_group $groups/wait_group $((groups + 1))/" ;;
  esac
done < <(grep -n 'bar\.sync\|cp\.async\.commit_group\|cp\.async\.wait' "$kernel")
# The first address of an instruction on shared memory is the shared one.
while IFS=: read -r line text; do
  address=${text#*[} && address=${address%%]*}
  case $address in
  *+*) shifted="${address%+*}+$((${address##*+} + 16))" ;;
  *) shifted="$address+16" ;;
  esac
  try shift "$line" "s/\\[$address\\]/[$shifted]/"
done < <(grep -n '\.shared' "$kernel" | grep '\[%')

echo "$caught of $total mutants caught"
[ $total -gt 0 ] && [ $caught -eq $total ]
