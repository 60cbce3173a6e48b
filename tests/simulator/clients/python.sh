#!/usr/bin/env bash
# Python programs from the package index on the simulator: cuda-bindings by itself, and a fixed sample of numba-cuda's
# own tests where a toolkit is installed. Set SAGESIM_PYTHON_CLIENTS=1: without it nothing is fetched.
# Usage: python.sh FOLDER-OF-LIBCUDA WORK
set -uo pipefail
box=$1 work=$2/python
skip() { echo "skipped: $*"; exit 77; }
[ "${SAGESIM_PYTHON_CLIENTS:-}" = 1 ] || skip "SAGESIM_PYTHON_CLIENTS is not 1 (packages would be fetched)"
mkdir -p "$work"
if [ ! -e "$work/ready" ]; then
  python3 -m venv "$work/venv" > "$work/log" 2>&1 || skip "no python3 with venv"
  timeout 300 "$work/venv/bin/pip" -q install --retries 0 'cuda-bindings==13.0.*' 'numba-cuda==0.30.*' pytest pytest-timeout \
    pytest-benchmark filecheck psutil cffi ml_dtypes >> "$work/log" 2>&1 || skip "the package index cannot be reached"
  touch "$work/ready"
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
toolkit=${CUDA_HOME:-${CUDA_PATH:-/usr/local/cuda}}
export SAGESIM_DEVICES=sm_80 CUDA_HOME=$toolkit
LD_LIBRARY_PATH=$box "$work/venv/bin/python" "$here/bindings.py" || exit 1

[ -d "$toolkit/nvvm" ] || { echo "no toolkit with NVVM: numba-cuda's tests are left out"; exit 0; }
# An unusable libnvJitLink in front makes numba-cuda hand PTX to the driver instead of machine code.
echo 'int none;' | ${CC:-cc} -shared -fPIC -Wl,-soname,libnvJitLink.so.13 -o "$work/libnvJitLink.so.13" -xc - || skip "no C compiler"
export LD_LIBRARY_PATH=$box:$work:$toolkit/lib64:$toolkit/nvvm/lib64
cd "$work" || exit 1
printf '[pytest]\nconsider_namespace_packages = true\naddopts = --benchmark-disable\n' > pytest.ini
# What the conftest.py of numba-cuda's sources gives its tests; it is not in the package.
printf '%s\n' 'import pytest' '@pytest.fixture(scope="class")' 'def initialize_from_pytest_config(request):' \
  '    request.cls._dump_failed_filechecks = False' > conftest.py
sample=(cudadrv.test_context_stack cudadrv.test_pinned cudadrv.test_events cudapy.test_blackscholes cudapy.test_sync
  cudapy.test_montecarlo cudapy.test_nondet cudapy.test_powi cudapy.test_vectorize_device cudapy.test_warp_ops)
"$work/venv/bin/python" -m pytest -W ignore -q --timeout 60 -p no:cacheprovider \
  --pyargs "${sample[@]/#/numba.cuda.tests.}"
