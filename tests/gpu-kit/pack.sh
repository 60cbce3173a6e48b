#!/usr/bin/env bash
# The kit packs, unpacks into an empty directory and runs there on the simulator with a bare environment; what it leaves
# is complete, and the report makes a page of it. Then it runs as on a GPU, the simulator being the driver's library.
#   pack.sh SOURCE BUILD
set -eu
source=$1 build=$2 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "FAILED: $*"; exit 1; }
bare() { env -i PATH=/usr/bin:/bin HOME=/nonexistent "$@"; }

"$source/tools/gpu-kit/pack" --build "$build" -o "$work/kit.tar.xz"
[ "$(stat -c %s "$work/kit.tar.xz")" -le 30000000 ] || die 'larger than 30 MB'

# The same bytes every time: names in order, one date, one owner.
tar --full-time -tvf "$work/kit.tar.xz" >"$work/list"
[ "$(cut -d' ' -f2 "$work/list" | sort -u)" = 0/0 ] || die 'owners differ'
date=$(git -C "$source" log -1 --format=%ct 2>/dev/null || echo 0)
[ "$(grep -oE '[0-9]{4}-[0-9-]+ [0-9:]+' "$work/list" | sort -u)" = "$(date -d "@$date" '+%Y-%m-%d %H:%M:%S')" ] ||
  die 'dates are not that of the commit'
tar -tf "$work/kit.tar.xz" >"$work/names"
tr / '\001' <"$work/names" | LC_ALL=C sort -c || die 'names are not in order'

mkdir "$work/empty"
tar -xf "$work/kit.tar.xz" -C "$work/empty"
kit=$work/empty/sagec-gpu-kit
commit=$(git -C "$source" rev-parse HEAD 2>/dev/null || echo unknown)
[ "$(head -n 1 "$kit/VERSION")" = "$commit" ] || die 'VERSION does not name the commit'
grep -qrE "$source|$build" "$kit"/run.sh "$kit"/report "$kit"/peers.py "$kit"/sagekit &&
  die 'a script names this machine'
for program in "$kit"/bin/* ; do
  bare ldd "$program" | grep -q 'not found' && die "$program lacks a library"
done
# With the C++ library that comes along, too.
bare LD_LIBRARY_PATH="$kit/fallback" "$kit/bin/sagec" --version >/dev/null || die 'the fallback library does not do'

cd "$work/empty"
bare "$kit/run.sh" --tiny --device sim:sm_80 --out "$work/empty/out" >"$work/printed" 2>"$work/talk" || {
  cat "$work/talk" "$work/empty/out"/log-*.txt
  die "run.sh ended with exit status $?"
}
cd out
for file in {run,device,conformance,machine,attention}.json nvidia-smi.txt summary.txt results.tar.xz; do
  [ -s "$file" ] || die "$file is missing"
done
ls -A | grep -E '\.(tmp|part)$' && die 'a temporary file was left'
for stage in facts conformance numerics machine attention; do
  grep -q "\"name\": \"$stage\", \"status\": \"ok\"" run.json || {
    cat run.json "log-$stage.txt"
    die "$stage is not ok"
  }
done
grep -q '"complete": true' run.json || die 'run.json is not complete'
grep -q "\"commit\": \"$commit\"" attention.json || die 'the programs do not know their commit'
cmp -s summary.txt "$work/printed" || die 'the summary was not printed'
grep -q '^SIMULATED' summary.txt || die 'the summary does not say that times mean nothing'
grep -q 'Conformance checks: [1-9][0-9]* passed, 0 failed' summary.txt || die 'no conformance in the summary'
grep -qE '^Machine: [1-9][0-9]* measurements verified, 0 failed' summary.txt || die 'no measurements in the summary'
[ "$(awk 'length > 79' summary.txt)" = '' ] || die 'the summary is wider than a terminal'
grep -q 'TOPS' summary.txt && die 'the summary shows the speed of a simulated device'
tar -tf results.tar.xz | sort >"$work/packed"
for file in out/run.json out/summary.txt out/attention.json out/log-conformance.txt; do
  grep -qx "$file" "$work/packed" || die "$file is not in results.tar.xz"
done
if [ -x /usr/bin/python3 ]; then
  [ -s peers.json ] || die 'peers.json is missing'
  bare "$kit/report" "$work/empty/out" -o "$work/r.html" --markdown "$work/r.md" || die 'no report'
  grep -q simulated "$work/r.html" || die 'the report does not say that times are simulated'
  grep -qE 'aria-label="(TOPS|Roofline)' "$work/r.html" && die 'the report plots the speed of a simulated device'
  grep -q '| sage-b | quantized_bits | [1-9]' "$work/r.md" || die 'no conformance in the report'
  # A run finds its place in the source tree once.
  mkdir -p "$work/tree/tools/bench/results"
  cp -R "$source/tools/gpu-kit" "$work/tree/tools/"
  keep=$work/tree/tools/gpu-kit/keep
  sed -i 's/"dirty": [a-z]*/"dirty": false/; s/"commit": "[a-z0-9]*"/"commit": "0123456789abcdef"/' run.json
  kept=$(bare "$keep" "$work/empty/out") || die 'the run is not kept'
  [[ $kept == *tools/bench/results/20??-??-??-sagesim_sm_80-0123456 ]] || die "the run is kept as $kept"
  [ -s "$kept/attention.json" ] && [ ! -e "$kept/results.tar.xz" ] || die 'not what was to be kept'
  bare "$keep" "$work/empty/out" 2>/dev/null && die 'kept twice'
  bare "$keep" "$work/tree" 2>/dev/null && die 'what is no run is kept'
  true
fi

# As on a GPU: watchdogs, child processes and all that is for a device that is not simulated, in one process with the
# simulator that results are compared with. Two copies of the library, since one would be the same device twice.
mkdir "$work/driver"
cp "$kit/bin/libsagesim.so" "$work/driver/libcuda.so.1"
gpu() { # DEVICES DIRECTORY
  bare LD_LIBRARY_PATH="$work/driver" SAGESIM_DEVICES="$1" "$kit/run.sh" --tiny --out "$2" \
    >"$work/printed" 2>"$work/talk"
}
cd "$work/empty"
gpu sm_90a gpu || true # peers and compute-sanitizer, where they are, cannot use it
for stage in facts conformance numerics machine attention; do
  grep -q "\"name\": \"$stage\", \"status\": \"ok\"" gpu/run.json || {
    cat gpu/run.json "gpu/log-$stage.txt"
    die "$stage is not ok on cuda:0"
  }
done
for file in conformance machine attention; do
  grep -q '"spec": "cuda:0"' "gpu/$file.json" && grep -q '"simulated": false' "gpu/$file.json" ||
    die "$file.json is not of cuda:0"
done
grep -q '"twin": "sim:sm_90a"' gpu/conformance.json || die 'no simulator beside cuda:0'
[ "$(grep -c '"registers": [1-9]' gpu/attention.json)" = 8 ] || die 'the registers of the kernels are not told'
grep -qE '^Machine: [1-9][0-9]* measurements verified, 0 failed, 0 skipped' gpu/summary.txt ||
  die 'skipped measurements'

if [ -x /usr/bin/python3 ]; then
  bare /usr/bin/python3 "$source/tests/gpu-kit/format_test.py" "$PWD/out" "$PWD/gpu" >"$work/talk" 2>&1 || {
    cat "$work/talk"
    die 'the results that the report is tested with are not like real ones'
  }
fi

code=0
gpu none none || code=$?
{ [ $code = 3 ] && grep -q 'CUDA_ERROR_NO_DEVICE' "$work/talk" && [ ! -e none ]; } || die 'a driver without a device'

# A driver that the loader does not know of is found where containers have it.
if ! bare "$kit/bin/sagec" devices | grep -q '^cuda:0 *sm_'; then
  sed -i "s|^driver_directory=.*|driver_directory=$work/driver|" "$kit/run.sh"
  sed -i 's/^  measure_stage .*//; s/^  numerics_stage$//' "$kit/run.sh"
  bare SAGESIM_DEVICES=sm_86 "$kit/run.sh" --tiny --out found >/dev/null 2>"$work/talk" || true
  grep -qs '"sagesim sm_86"' found/device.json || { cat "$work/talk"; die 'the driver is not found'; }
fi

# Mistakes have an exit status and a word.
code=0
"$source/tools/gpu-kit/pack" --build "$work/nowhere" -o "$work/no.tar.xz" 2>"$work/talk" || code=$?
{ [ $code = 1 ] && grep -q 'nowhere is no build tree' "$work/talk" && [ ! -e "$work/no.tar.xz" ]; } ||
  die 'a build that is not there'
# Another tree's programs would bear this tree's commit.
mkdir "$work/other"
echo "CMAKE_HOME_DIRECTORY:INTERNAL=$work/elsewhere" >"$work/other/CMakeCache.txt"
code=0
"$source/tools/gpu-kit/pack" --build "$work/other" -o "$work/no.tar.xz" 2>"$work/talk" || code=$?
{ [ $code = 1 ] && grep -q "other is a build of $work/elsewhere" "$work/talk" && [ ! -e "$work/no.tar.xz" ]; } ||
  die 'a build of another tree'
code=0
"$source/tools/gpu-kit/pack" 2>/dev/null || code=$?
[ $code = 2 ] || die 'no -o'
echo ok
