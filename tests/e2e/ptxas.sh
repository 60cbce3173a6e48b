#!/usr/bin/env bash
# Every shipped config, head dim and mask, for every arch, through ptxas: no error, no spill, no serialised wgmma. ptxas.sh BIN
set -u
bin=$1
ptxas=$(command -v ptxas || command -v /usr/local/cuda/bin/ptxas) || { echo "skipped: ptxas is not installed (it comes with the CUDA toolkit)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 failures=0

assemble() { # ARCH FILE DESCRIPTION
  count=$((count + 1))
  if ! "$ptxas" -arch="$1" -v "$2" -o "$work/cubin" >"$work/log" 2>&1; then
    echo "$3: ptxas refuses it:"; cat "$work/log"
  elif grep -E '[1-9][0-9]* bytes spill|C75[0-9][0-9]' "$work/log"; then
    echo "$3: spills or serialises"
  else
    return
  fi
  failures=$((failures + 1))
}

"$ptxas" --list-gpu-arch >"$work/archs" 2>/dev/null || true
for arch in sm_80 sm_86 sm_89 sm_90a sm_120a; do
  if ! grep -q "compute_${arch#sm_}\b" "$work/archs" 2>/dev/null && ! "$ptxas" -arch="$arch" --version >/dev/null 2>&1; then
    echo "this ptxas does not know $arch"
    continue
  fi
  for config in flash sage-t sage-b; do
    for dim in 32 64 128; do
      for mask in none causal; do
        out=$work/$arch-$config-$dim-$mask
        "$bin/sagec" emit "$config" --arch "$arch" --set head_dim=$dim --set mask=$mask --set lse=true -o "$out" >/dev/null || { echo "sagec emit failed"; exit 1; }
        for ptx in "$out"/*.ptx; do
          # The other kernels do not depend on the mask.
          [ $mask = causal ] && [ "$(basename "$ptx")" != attention.ptx ] && continue
          assemble "$arch" "$ptx" "$config D $dim mask $mask, $(basename "$ptx"), $arch"
        done
      done
    done
  done
done
echo "$count kernels assembled, $failures failures"
[ $failures = 0 ] && [ $count -gt 0 ]
