#!/usr/bin/env bash
# The command `sagesim`: a kernel's result, its counters, a violation, and what it says of wrong input.
set -u
tool=$1
sources=$(cd "$(dirname "$0")/../../tools/simulator" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() { echo "$1" >&2; cat out err >&2; exit 1; }
try() { # CODE ARGUMENT...
  local expected=$1 code
  shift
  "$tool" "$@" >out 2>err
  code=$?
  [ $code -eq "$expected" ] || fail "sagesim $*: exit code $code, not $expected"
}

cat >double.ptx <<'PTX'
.version 8.0
.target sm_80
.address_size 64
.visible .entry double(.param .u64 p, .param .u32 n)
{
  .reg .b64 %a, %o; .reg .b32 %r, %n, %v; .reg .pred %q;
  ld.param.b64 %a, [p]; ld.param.b32 %n, [n];
  mov.u32 %r, %tid.x; setp.ge.u32 %q, %r, %n; @%q ret;
  mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o;
  ld.global.b32 %v, [%a]; add.u32 %v, %v, %v; st.global.b32 [%a], %v;
  ret;
}
PTX
printf '\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0' >in.bin
printf '\2\0\0\0\4\0\0\0\6\0\0\0\10\0\0\0' >expected.bin

try 0 run double.ptx --kernel double --arg buf:@in.bin --arg u32:4 --output 0:out.bin
cmp out.bin expected.bin || fail "wrong result"
grep -q '"name":"double"' out || fail "no counters"
try 3 run double.ptx --kernel double --arg buf:@in.bin --arg u32:5
grep -q 'sagesim: out_of_bounds: .*' err || fail "the overrun was not reported"
grep -q 'PTX line 10:' err || fail "the report does not name the line"
try 3 run double.ptx --kernel double --arg buf:16 --arg u32:4
grep -q 'uninitialised_read' err || fail "the read of unwritten memory was not reported"
try 2 run double.ptx --kernel double --arg buf:16
grep -q -e 'needs its --arg' err || fail "the missing argument is not named"
try 2 run double.ptx --kernel double --checks rcae --arg buf:@in.bin --arg u32:4
try 1 run . --kernel double
export SAGESIM_LEAKS=1 SAGESIM_REPORT=report.json
echo stale >report.json
try 0 run double.ptx --kernel double --arg buf:@in.bin --arg u32:4
grep -q 'stale\|kind' report.json && fail "a clean run leaves old reports, or calls its own buffers leaks"
unset SAGESIM_LEAKS SAGESIM_REPORT
try 1 run double.ptx --kernel triple
try 1 run missing.ptx --kernel double
try 2 run double.ptx --kernel double --arg u32:x
try 2 run double.ptx --kernel double --grid 0
try 2 run double.ptx --kernel double --output 0:out.bin
try 2 walk
echo nonsense >bad.ptx
try 3 run bad.ptx --kernel k

# Detectors by name: one that is off lets the kernel pass, the others stay.
try 0 run double.ptx --kernel double --arg buf:16 --arg u32:4 --checks -uninitialised_read
try 0 run double.ptx --kernel double --arg buf:16 --arg u32:4 --checks out_of_bounds,race
try 3 run double.ptx --kernel double --arg buf:@in.bin --arg u32:5 --checks out_of_bounds,race
try 0 run double.ptx --kernel double --arg buf:@in.bin --arg u32:5 --checks none --output 0:out.bin
cmp out.bin expected.bin || fail "lanes that were left out changed the result"
try 3 run double.ptx --kernel double --arg buf:16 --arg u32:4 --checks none,uninitialised_read
try 2 run double.ptx --kernel double --arg buf:@in.bin --arg u32:4 --checks -nonsense
grep -q "'nonsense' is no detector; there are: all, none, out_of_bounds, " err || fail "no word on the wrong name"

# Launches that cannot be: the reason in words.
refused() { # WORDS CODE ARGUMENT...
  local words=$1
  shift
  try "$@"
  grep -q "the launch is refused: kernel 'double' .*$words" err || fail "no reason: $words"
}
input="--arg buf:@in.bin --arg u32:4"
refused 'no value (a null pointer) for parameter 1' 2 run double.ptx --kernel double --arg buf:16
refused 'a block of (2048,1,1) threads' 2 run double.ptx --kernel double --block 2048 $input
refused '2048 in all; the limit is 1024' 2 run double.ptx --kernel double --block 64,32 $input
refused 'a grid of (1,65536,1)' 2 run double.ptx --kernel double --grid 1,65536 $input
refused 'has clusters of (2,1,1) blocks, and sm_80 has none' 2 run double.ptx --kernel double --cluster 2 $input
refused 'has a grid of (3,1,1) blocks, which clusters of (2,1,1)' 3 \
  run double.ptx --kernel double --cluster 2 --grid 3 --device sm_90a $input
refused 'more than 8 ' 3 run double.ptx --kernel double --cluster 4,4 --grid 4,4 --device sm_90a $input
refused 'is cooperative with 100000 blocks' 3 run double.ptx --kernel double --grid 100000 --cooperative $input
grep -q COOPERATIVE_LAUNCH_TOO_LARGE err || fail "the driver's code is not named"

# A barrier of the whole grid, in the memory that only cooperative launches get.
cat >grid.ptx <<'PTX'
.version 8.0
.target sm_80
.address_size 64
.visible .entry meet()
{
  .reg .b64 %w; .reg .b32 %h, %l, %n, %c; .reg .pred %q;
  mov.u32 %h, %envreg1; mov.u32 %l, %envreg2; mov.b64 %w, {%l, %h};
  setp.eq.u64 %q, %w, 0; @%q trap;
  mov.u32 %n, %nctaid.x;
  red.release.gpu.global.add.u32 [%w], 1;
AGAIN: ld.acquire.gpu.global.u32 %c, [%w]; setp.ne.u32 %q, %c, %n; @%q bra AGAIN;
  ret;
}
PTX
try 0 run grid.ptx --kernel meet --grid 8 --block 1 --cooperative
try 3 run grid.ptx --kernel meet --grid 8 --block 1
grep -q 'sagesim: trap' err || fail "a plain launch has the memory of a cooperative one"

# Variables that make no sense are named; the help names all that are read.
for setting in SAGESIM_THREADS=many SAGESIM_THREADS=-1 SAGESIM_THREADS=9999 SAGESIM_TIMEOUT=soon SAGESIM_TIMEOUT=-2 \
               SAGESIM_LEVEL=mmx SAGESIM_LEAKS=yes SAGESIM_TRACE=on SAGESIM_CHECKS=rcae SAGESIM_REPORT=/nowhere/file; do
  (export "$setting"; try 0 run double.ptx --kernel double $input) || exit 1
  [ "$(grep -c "${setting%%=*}.*${setting#*=}" err)" = 1 ] || fail "no word, or more than one, on $setting"
done
for setting in SAGESIM_THREADS=2 SAGESIM_THREADS=0 SAGESIM_TIMEOUT=0.5 SAGESIM_LEVEL=baseline SAGESIM_LEAKS=0; do
  (export "$setting"; try 0 run double.ptx --kernel double $input) || exit 1
  grep -q SAGESIM err && fail "$setting is refused"
done
try 0 --help
for name in $(grep -o '"SAGESIM_[A-Z]*"' "$sources/driver/Environment.cpp" | tr -d '"'); do
  grep -q "  $name " out || fail "the help lacks $name"
done

# A language that is newer than known: a warning, once, and the result.
sed 's/^.version 8.0/.version 99.9/' double.ptx >newer.ptx
try 0 run newer.ptx --kernel double --arg buf:@in.bin --arg u32:4 --output 0:out.bin
cmp out.bin expected.bin || fail "wrong result from a newer version"
grep -q 'warning: PTX version 99.9 is newer than 9.0' err || fail "no warning of a newer version"

# What nobody freed, on request: a block of the device heap.
cat >keep.ptx <<'PTX'
.version 8.0
.target sm_80
.address_size 64
.extern .func (.param .b64 r) malloc(.param .b64 n);
.visible .entry keep()
{
  .reg .b64 %a; .reg .b32 %n;
  { .param .b64 n; .param .b64 r; st.param.b64 [n], 16; call.uni (r), malloc, (n); ld.param.b64 %a, [r]; }
  mad.lo.u32 %n, %tid.x, 8, 24;
  { .param .b64 n; .param .b64 r; cvt.u64.u32 %a, %n; st.param.b64 [n], %a; call.uni (r), malloc, (n); } // second
  ret;
}
PTX
keep() { try 0 run keep.ptx --kernel keep --block 1 "$@"; }
keep
grep -q 'sagesim: leak' err && fail "a leak was reported without being asked for"
SAGESIM_LEAKS=1 SAGESIM_REPORT=leaks.json keep
grep -q 'sagesim: leak: .*16 bytes' err || fail "no leak was reported"
grep -q '"kind":"leak","code":0' leaks.json || fail "the report file has no leak"
# One report for each call of malloc, whatever the number of threads.
SAGESIM_LEAKS=1 try 0 run keep.ptx --kernel keep --block 4
grep -q 'sagesim: leak: 4 blocks of the device heap, 64 bytes in all' err || fail "blocks of one line are not counted"
grep -q 'sagesim: leak: 4 blocks of the device heap, 144 bytes in all' err || fail "blocks of the other line are not counted"
grep -q 'PTX line 10: .* // second' err || fail "the line of malloc is not named"
grep -q '^  kernel keep$' err || fail "the kernel of malloc is not named"
[ "$(grep -c 'sagesim: leak' err)" = 2 ] || fail "leaks are not one a line"
SAGESIM_LEAKS=1 keep --checks -leak
grep -q 'sagesim: leak' err && fail "the leak was reported with the check off"
true
