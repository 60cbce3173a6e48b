#!/usr/bin/env bash
# The toolkit's own fat binaries in every mode of compression, run by a program that loads them from a file.
# Usage: fatbins.sh CLIENT FOLDER-OF-LIBCUDA WORK [NVCC]
set -euo pipefail
client=$1 box=$2 work=$3/fatbins nvcc=${4:-}
skip() { echo "skipped: $*"; exit 77; }
case $nvcc in '' | *NOTFOUND) skip "no nvcc" ;; esac
mkdir -p "$work"
cat > "$work/add.cu" <<'CU'
extern "C" __global__ void add(float *c, const float *a, const float *b, unsigned n) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}
CU
ptx=(-gencode 'arch=compute_80,code=compute_80')
"$nvcc" -fatbin "${ptx[@]}" "$work/add.cu" -o "$work/probe.fatbin" > /dev/null 2>&1 || skip "this nvcc makes no code for sm_80"
export LD_LIBRARY_PATH=$box
run() { SAGESIM_DEVICES=$1 "$client" "$2"; }

modes=(--no-compress)
if "$nvcc" --help | grep -q -e --compress-mode; then
  for mode in default size speed none; do modes+=("--compress-mode=$mode"); done
fi
for mode in "${modes[@]}"; do
  # Machine code for one architecture, text for two.
  "$nvcc" -fatbin "$mode" -gencode 'arch=compute_80,code=[sm_80,compute_80]' \
    -gencode arch=compute_90a,code=compute_90a "$work/add.cu" -o "$work/add.fatbin"
  run sm_80 "$work/add.fatbin"
  run sm_90a "$work/add.fatbin"
done

"$nvcc" -cubin -arch=sm_80 "$work/add.cu" -o "$work/add.cubin"
if run sm_80 "$work/add.cubin" 2> "$work/message"; then
  echo "machine code ran"
  exit 1
fi
grep -q CUDA_ERROR_NO_BINARY_FOR_GPU "$work/message"
