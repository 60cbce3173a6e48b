#!/bin/bash
# What bench-attention leaves for programs that time other kernels: with --tensors one file of inputs for each head dim,
# and in its JSON all shapes that were planned, from the first moment on.
#   tensors.sh BENCH-ATTENTION
set -eu
bench=$1 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "FAILED: $*"; cat "$work/log"; exit 1; }
run() { "$bench" --device sim:sm_80 --tiny --out "$work/out.json" "$@" 2>"$work/log"; }

# No time for any case: shapes and tensors are there all the same. Each shape once, whatever the number of configs.
mkdir "$work/tensors"
file=$work/tensors/qkv-d64.safetensors
run --time-limit 1e-9 --tensors "$work/tensors" || die 'the run ended with an error'
grep -q '"cases": \[\]' "$work/out.json" && grep -q '"complete": false' "$work/out.json" || die 'a case was run'
[ "$(sed -n '/"shapes": /,/^ \]/p' "$work/out.json" | grep -c '"tokens": ')" = 3 ] || die 'other shapes than planned'
[ "$(ls "$work/tensors")" = qkv-d64.safetensors ] || die 'other files than planned'
for name in q k v; do
  grep -aq "\"$name\":{\"dtype\":\"F16\",\"shape\":\[2,197,64\]" "$file" || die "no tensor $name"
done

# Only what is asked for; a plain product has no such inputs.
run --time-limit 1e-9 --only 'flash D 64 N 130 causal' || die 'the run ended with an error'
[ "$(grep '"mask": ' "$work/out.json" | tr -d ' ')" = '"mask":"causal"' ] || die 'more was planned'
mkdir "$work/none"
run --time-limit 1e-9 --only gemm --tensors "$work/none" || die 'the run ended with an error'
grep -q '"shapes": \[\]' "$work/out.json" && [ -z "$(ls "$work/none")" ] || die 'inputs of a plain product'

# A new run writes them anew; one that goes on behind a case keeps what it finds, and writes what it misses.
cp "$file" "$work/kept"
echo damaged >"$file"
run --time-limit 1e-9 --tensors "$work/tensors" || die 'the run ended with an error'
cmp -s "$file" "$work/kept" || die 'a file of an earlier run was kept'
echo mark >"$work/mark"
cp "$work/mark" "$file"
last=$("$bench" --tiny --list | tail -n 1)
run --after "$last" --tensors "$work/tensors" || die 'the run ended with an error'
cmp -s "$file" "$work/mark" || die 'written again after a restart'
rm "$file"
run --after "$last" --tensors "$work/tensors" || die 'the run ended with an error'
cmp -s "$file" "$work/kept" || die 'not written after a restart'

# A directory that cannot be written is an error that names it, and costs none of our own measurements.
code=0
run --only 'flash D 64 N 197' --tensors "$work/nowhere" || code=$?
[ $code = 1 ] && grep -q -- "--tensors: $work/nowhere/" "$work/log" || die "exit status $code for a wrong directory"
grep -q '"complete": true' "$work/out.json" && grep -q '"status": "ok"' "$work/out.json" || die 'nothing was measured'
