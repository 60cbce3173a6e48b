#!/usr/bin/env bash
# libsage_compiler exports its three functions and nothing of LLVM; libsage_runtime holds no LLVM at all. symbols.sh BIN LLVM_TOOLS
set -eu
bin=$1 nm=$2/llvm-nm readelf=$2/llvm-readelf

exported=$("$nm" -D --defined-only --format=just-symbols "$bin/libsage_compiler.so" | sort | tr '\n' ' ')
expected='sageCompile sageCompilerFree sageCompilerId '
[ "$exported" = "$expected" ] || { echo "libsage_compiler exports: $exported"; echo "expected: $expected"; exit 1; }

found=$("$nm" -D "$bin/libsage_runtime.so" | grep -E 'llvm|mlir|LLVM|MLIR' || true)
[ -z "$found" ] || { echo "libsage_runtime names LLVM symbols: $found"; exit 1; }

for library in libsage_compiler.so libsage_runtime.so libsagesim.so; do
  needed=$("$readelf" --needed-libs "$bin/$library" | grep -oE 'lib[A-Za-z0-9_+-]+\.so[.0-9]*' | grep -vE '^lib(c|m|dl|pthread|rt|stdc\+\+|gcc_s)\.so' || true)
  [ -z "$needed" ] || { echo "$library needs more than the C and C++ runtime: $needed"; exit 1; }
done
echo "symbols and dependencies are as they should be"
