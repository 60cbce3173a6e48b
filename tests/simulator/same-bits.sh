#!/usr/bin/env bash
# The same bits with detectors on and off, with one host thread and with two, and on every vector level.
set -u
tool=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# Shared memory, barriers, shuffles, atomics, floating-point arithmetic, divergence.
cat >mix.ptx <<'PTX'
.version 8.0
.target sm_80
.address_size 64
.visible .entry mix(.param .u64 p, .param .u64 q)
{
  .reg .b64 %a, %b, %o; .reg .b32 %r, %c, %g, %v, %s, %t, %i; .reg .f32 %x, %y; .reg .pred %e, %w;
  .shared .align 16 .b8 m[512];
  ld.param.b64 %a, [p]; ld.param.b64 %b, [q];
  mov.u32 %r, %tid.x; mov.u32 %c, %ctaid.x; mad.lo.u32 %g, %c, 128, %r;
  cvt.rn.f32.u32 %x, %g; sin.approx.f32 %y, %x; fma.rn.f32 %y, %y, %x, 0f3F000000;
  shl.b32 %s, %r, 2; mov.b32 %t, m; add.u32 %s, %s, %t; st.shared.f32 [%s], %y;
  bar.sync 0;
  xor.b32 %v, %r, 33; shl.b32 %v, %v, 2; add.u32 %v, %v, %t; ld.shared.f32 %x, [%v];
  mov.u32 %i, 0;
  and.b32 %v, %g, 7;
L: setp.ge.u32 %e, %i, %v;
  @%e bra E;
  fma.rn.f32 %x, %x, %y, %y; ex2.approx.f32 %x, %x; rcp.approx.f32 %x, %x;
  add.u32 %i, %i, 1;
  bra L;
E: bar.warp.sync -1;
  shfl.sync.bfly.b32 %v, %x, 5, 31, -1;
  mul.wide.u32 %o, %g, 4; add.s64 %a, %a, %o; st.global.b32 [%a], %v;
  red.global.add.u32 [%b], %v; and.b32 %v, %v, 252; cvt.u64.u32 %o, %v; add.s64 %b, %b, %o;
  red.global.max.u32 [%b+4], %v;
  ret;
}
PTX
head -c 260 /dev/zero >zero.bin

bits() { # NAME VARIABLE=VALUE...: runs the kernel, its results go to NAME.bits
  local name=$1
  shift
  env "$@" "$tool" run mix.ptx --kernel mix --grid 64 --block 128 --arg buf:32768 --arg buf:@zero.bin \
    --output 0:a.bin --output 1:b.bin >out 2>err || { echo "$name: failed" >&2; cat err >&2; exit 1; }
  cat a.bin b.bin >"$name.bits"
}
same() { # like bits, and compares with the first run
  bits "$@"
  cmp one.bits "$1.bits" || { echo "$1: different bits" >&2; exit 1; }
}

bits one SAGESIM_THREADS=1
cmp -s -n 32768 one.bits /dev/zero && { echo "the kernel wrote nothing" >&2; exit 1; }
same two SAGESIM_THREADS=2
same off SAGESIM_THREADS=2 SAGESIM_CHECKS=none
same off-one SAGESIM_THREADS=1 SAGESIM_CHECKS=none
for level in baseline avx2; do same "$level" SAGESIM_LEVEL=$level SAGESIM_THREADS=2; done

# Clusters: floating-point sums of several blocks in the shared memory of one, in an order that is always the same.
cat >cluster.ptx <<'PTX'
.version 8.0
.target sm_90
.address_size 64
.visible .entry mix(.param .u64 p)
{
  .reg .b64 %a, %o; .reg .b32 %r, %c, %g, %s, %t; .reg .f32 %x;
  .shared .align 16 .b8 m[512];
  ld.param.b64 %a, [p];
  mov.u32 %r, %tid.x; mov.u32 %c, %ctaid.x; mad.lo.u32 %g, %c, 128, %r;
  cvt.rn.f32.u32 %x, %g; sin.approx.f32 %x, %x;
  shl.b32 %s, %r, 2; mov.b32 %t, m; add.u32 %s, %s, %t; st.shared.f32 [%s], %x;
  barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;
  xor.b32 %r, %r, 33; shl.b32 %r, %r, 2; add.u32 %t, %t, %r; mapa.shared::cluster.u32 %t, %t, 0;
  red.shared::cluster.add.f32 [%t], %x;
  barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;
  ld.shared.b32 %t, [%s];
  mul.wide.u32 %o, %g, 4; add.s64 %a, %a, %o; st.global.b32 [%a], %t;
  ret;
}
PTX
clusters() { # NAME VARIABLE=VALUE...
  local name=$1
  shift
  env "$@" "$tool" run cluster.ptx --device sm_90a --kernel mix --grid 64 --block 128 --cluster 4 --arg buf:32768 \
    --output 0:"$name.bits" >out 2>err || { echo "$name: failed" >&2; cat err >&2; exit 1; }
  cmp cluster-one.bits "$name.bits" || { echo "$name: different bits" >&2; exit 1; }
}
clusters cluster-one SAGESIM_THREADS=1
cmp -s -n 32768 cluster-one.bits /dev/zero && { echo "the cluster kernel wrote nothing" >&2; exit 1; }
clusters cluster-two SAGESIM_THREADS=2
clusters cluster-off SAGESIM_THREADS=2 SAGESIM_CHECKS=none
