// What sm_90a brought, by inline PTX as it is written by hand: products with warp roles (a producer that issues tensor
// copies, consumer warpgroups that run wgmma, the result stored by a tensor copy), wgmma in every type, A from
// registers, bulk copies of one dimension, elect and setmaxnreg.
#include <cuda_fp16.h>

namespace {

struct alignas(64) TensorMap {
  unsigned char bytes[128];
};

__device__ unsigned sharedAddress(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

__device__ void initBarrier(unsigned barrier, unsigned count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}
__device__ void expectBytes(unsigned barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
__device__ void arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ void waitFor(unsigned barrier, unsigned parity) {
  asm volatile("{\n\t.reg .pred done;\n"
               "AGAIN:\n\tmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t@done bra.uni DONE;\n\t"
               "bra.uni AGAIN;\nDONE:\n\t}" ::"r"(barrier),
               "r"(parity)
               : "memory");
}
__device__ void fetch(unsigned to, const TensorMap &map, int x, int y, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], "
               "[%4];" ::"r"(to),
               "l"(&map), "r"(x), "r"(y), "r"(barrier)
               : "memory");
}

__device__ void clusterSync() {
  asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
}
__device__ void arriveAt(unsigned barrier, unsigned rank) {
  asm volatile("{\n\t.reg .b32 there;\n\tmapa.shared::cluster.u32 there, %0, %1;\n\t"
               "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n\t}" ::"r"(barrier),
               "r"(rank)
               : "memory");
}
__device__ void waitForCluster(unsigned barrier, unsigned parity) {
  asm volatile("{\n\t.reg .pred done;\n"
               "AGAIN:\n\tmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n\t"
               "@done bra.uni DONE;\n\tbra.uni AGAIN;\nDONE:\n\t}" ::"r"(barrier),
               "r"(parity)
               : "memory");
}
__device__ void fetchForBoth(unsigned to, const TensorMap &map, int x, int y, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
               "l"(&map), "r"(x), "r"(y), "r"(barrier), "h"((short)3)
               : "memory");
}

// A tile of rows of 128 bytes, swizzled over them; eight rows are 1024 bytes.
__device__ unsigned long long descriptor(unsigned address) {
  return (unsigned long long)((address & 0x3ffff) >> 4) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

__device__ void wgmmaFence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ void wgmmaCommit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ void wgmmaWait() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }

// The compiler must not move what sets an accumulator behind wgmma.fence.
template <int N> __device__ void keepBefore(float (&d)[N]) {
#pragma unroll
  for (int e = 0; e < N; ++e) asm volatile("" : "+f"(d[e])::"memory");
}
template <int N> __device__ void keepBefore(int (&d)[N]) {
#pragma unroll
  for (int e = 0; e < N; ++e) asm volatile("" : "+r"(d[e])::"memory");
}

#define FOUR(d, c, i) c(d[i]), c(d[i + 1]), c(d[i + 2]), c(d[i + 3])
#define SIXTEEN(d, c, i) FOUR(d, c, i), FOUR(d, c, i + 4), FOUR(d, c, i + 8), FOUR(d, c, i + 12)
#define REAL(x) "+f"(x)
#define WORD(x) "+r"(x)

__device__ void multiply64(float (&d)[32], unsigned long long a, unsigned long long b, int accumulate) {
  asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %34, 0;\n\t"
               "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, "
               "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, p, 1, 1, 0, 0;\n\t}"
               : SIXTEEN(d, REAL, 0), SIXTEEN(d, REAL, 16)
               : "l"(a), "l"(b), "r"(accumulate));
}

} // namespace

extern "C" {

// C = A·Bᵀ in halves; 128×64 a block. One warpgroup copies, two multiply 64 rows each; three stages of k = 64.
__global__ void __launch_bounds__(384) gemmRoles(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                                                 const __grid_constant__ TensorMap c, int tiles) {
  extern __shared__ __align__(1024) unsigned char memory[];
  constexpr unsigned stages = 3, bytesA = 128 * 128, bytesB = 64 * 128;
  const unsigned base = sharedAddress(memory), staged = base + stages * (bytesA + bytesB);
  const unsigned full = staged + 128 * 128, empty = full + 8 * stages;
  const int group = threadIdx.x / 128;
  if (threadIdx.x == 0) {
    for (unsigned s = 0; s < stages; ++s) initBarrier(full + 8 * s, 1), initBarrier(empty + 8 * s, 2);
    asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async;" ::: "memory");
  }
  __syncthreads();
  if (group == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x == 0)
      for (int i = 0; i < tiles; ++i) {
        const unsigned s = i % stages, to = base + s * (bytesA + bytesB);
        waitFor(empty + 8 * s, i / stages % 2 ^ 1);
        expectBytes(full + 8 * s, bytesA + bytesB);
        fetch(to, a, i * 64, blockIdx.y * 128, full + 8 * s);
        fetch(to + bytesA, b, i * 64, blockIdx.x * 64, full + 8 * s);
      }
    return;
  }
  asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
  float d[32];
  for (int e = 0; e < 32; ++e) d[e] = 0;
  for (int i = 0; i < tiles; ++i) {
    const unsigned s = i % stages, ta = base + s * (bytesA + bytesB) + (group - 1) * bytesA / 2;
    const unsigned tb = base + s * (bytesA + bytesB) + bytesA;
    waitFor(full + 8 * s, i / stages % 2);
    keepBefore(d);
    wgmmaFence();
    for (int k = 0; k < 4; ++k) multiply64(d, descriptor(ta) + 2 * k, descriptor(tb) + 2 * k, i + k > 0);
    wgmmaCommit();
    wgmmaWait();
    if (threadIdx.x % 128 == 0) arrive(empty + 8 * s);
  }
  // Rows of 64 halves, then one tensor copy a warpgroup.
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4, row = (group - 1) * 64 + warp * 16 + lane / 4;
  __half2 *to = (__half2 *)(memory + (staged - base));
  for (int p = 0; p < 8; ++p) {
    to[row * 32 + p * 4 + lane % 4] = __floats2half2_rn(d[4 * p], d[4 * p + 1]);
    to[(row + 8) * 32 + p * 4 + lane % 4] = __floats2half2_rn(d[4 * p + 2], d[4 * p + 3]);
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  asm volatile("bar.sync %0, 128;" ::"r"(group) : "memory");
  if (threadIdx.x % 128 == 0) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&c),
                 "r"(blockIdx.x * 64), "r"(blockIdx.y * 128 + (group - 1) * 64), "r"(staged + (group - 1) * 8192)
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;\n\tcp.async.bulk.wait_group 0;" ::: "memory");
  }
}

// The same in clusters of two blocks that share their rows of A: each fetches half of them for both, and a stage is free
// when the consumers of both have said so.
__global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(384)
    gemmMulticast(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, float *c, int tiles) {
  extern __shared__ __align__(1024) unsigned char memory[];
  constexpr unsigned stages = 3, bytesA = 128 * 128, bytesB = 64 * 128;
  const unsigned base = sharedAddress(memory), full = base + stages * (bytesA + bytesB), empty = full + 8 * stages;
  const int group = threadIdx.x / 128;
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0) {
    for (unsigned s = 0; s < stages; ++s) initBarrier(full + 8 * s, 1), initBarrier(empty + 8 * s, 4);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  clusterSync();
  float d[32];
  for (int e = 0; e < 32; ++e) d[e] = 0;
  if (group == 0 && threadIdx.x == 0)
    for (int i = 0; i < tiles; ++i) {
      const unsigned s = i % stages, to = base + s * (bytesA + bytesB);
      waitForCluster(empty + 8 * s, i / stages % 2 ^ 1);
      expectBytes(full + 8 * s, bytesA + bytesB);
      fetchForBoth(to + rank * bytesA / 2, a, i * 64, blockIdx.y * 128 + rank * 64, full + 8 * s);
      fetch(to + bytesA, b, i * 64, blockIdx.x * 64, full + 8 * s);
    }
  for (int i = 0; group != 0 && i < tiles; ++i) {
    const unsigned s = i % stages, ta = base + s * (bytesA + bytesB) + (group - 1) * bytesA / 2;
    const unsigned tb = base + s * (bytesA + bytesB) + bytesA;
    waitFor(full + 8 * s, i / stages % 2);
    keepBefore(d);
    wgmmaFence();
    for (int k = 0; k < 4; ++k) multiply64(d, descriptor(ta) + 2 * k, descriptor(tb) + 2 * k, i + k > 0);
    wgmmaCommit();
    wgmmaWait();
    if (threadIdx.x % 128 == 0) arriveAt(empty + 8 * s, 0), arriveAt(empty + 8 * s, 1);
  }
  clusterSync(); // nobody leaves while the other one copies into its memory
  if (group == 0) return;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4, columns = gridDim.x * 64;
  float *to = c + (blockIdx.y * 128 + (group - 1) * 64 + warp * 16 + lane / 4) * columns + blockIdx.x * 64;
  for (int p = 0; p < 8; ++p)
    for (int e = 0; e < 4; ++e) to[e / 2 * 8 * columns + p * 8 + lane % 4 * 2 + e % 2] = d[4 * p + e];
}

// One warpgroup, one tile: 64×32 with rows of 128 bytes of any type, four instructions along k.
#define TYPED_PRODUCT(name, instruction, tail, type, constraint)                                                       \
  __global__ void __launch_bounds__(128) name(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,  \
                                              type *c) {                                                               \
    __shared__ __align__(1024) unsigned char ta[64 * 128], tb[32 * 128];                                                \
    __shared__ __align__(8) unsigned long long barrier;                                                                \
    const unsigned bar = sharedAddress(&barrier);                                                                      \
    if (threadIdx.x == 0) {                                                                                            \
      initBarrier(bar, 1);                                                                                             \
      asm volatile("fence.proxy.async;" ::: "memory");                                                                 \
      expectBytes(bar, sizeof ta + sizeof tb);                                                                         \
      fetch(sharedAddress(ta), a, 0, 0, bar);                                                                          \
      fetch(sharedAddress(tb), b, 0, 0, bar);                                                                          \
    }                                                                                                                  \
    __syncthreads();                                                                                                   \
    waitFor(bar, 0);                                                                                                   \
    type d[16];                                                                                                        \
    for (int e = 0; e < 16; ++e) d[e] = 1;                                                                             \
    keepBefore(d);                                                                                                     \
    wgmmaFence();                                                                                                      \
    for (int k = 0; k < 4; ++k)                                                                                        \
      asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %18, 0;\n\twgmma.mma_async.sync.aligned." instruction         \
                   " {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, p" tail         \
                   ";\n\t}"                                                                                            \
                   : SIXTEEN(d, constraint, 0)                                                                         \
                   : "l"(descriptor(sharedAddress(ta)) + 2 * k), "l"(descriptor(sharedAddress(tb)) + 2 * k), "r"(k));  \
    wgmmaCommit();                                                                                                     \
    wgmmaWait();                                                                                                       \
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;                                         \
    for (int e = 0; e < 16; ++e) c[(row + e / 2 % 2 * 8) * 32 + e / 4 * 8 + lane % 4 * 2 + e % 2] = d[e];              \
  }

TYPED_PRODUCT(wgmmaF16, "m64n32k16.f32.f16.f16", ", 1, 1, 0, 0", float, REAL)
TYPED_PRODUCT(wgmmaBf16, "m64n32k16.f32.bf16.bf16", ", 1, 1, 0, 0", float, REAL)
TYPED_PRODUCT(wgmmaTf32, "m64n32k8.f32.tf32.tf32", ", 1, 1", float, REAL)
TYPED_PRODUCT(wgmmaE4m3, "m64n32k32.f32.e4m3.e4m3", ", 1, 1", float, REAL)
TYPED_PRODUCT(wgmmaE5m2E4m3, "m64n32k32.f32.e5m2.e4m3", ", 1, -1", float, REAL)
TYPED_PRODUCT(wgmmaS8, "m64n32k32.s32.s8.s8", "", int, WORD)
TYPED_PRODUCT(wgmmaU8S8, "m64n32k32.s32.u8.s8", "", int, WORD)

// A from registers, as the probabilities of attention are; B (k × n, row after row) transposed by its descriptor.
__global__ void __launch_bounds__(128) wgmmaRegisters(const unsigned *a, const __grid_constant__ TensorMap b, float *c) {
  __shared__ __align__(1024) unsigned char tb[64 * 128]; // 64 values of k, rows of 64 halves of n
  __shared__ __align__(8) unsigned long long barrier;
  const unsigned bar = sharedAddress(&barrier);
  if (threadIdx.x == 0) {
    initBarrier(bar, 1);
    asm volatile("fence.proxy.async;" ::: "memory");
    expectBytes(bar, sizeof tb);
    fetch(sharedAddress(tb), b, 0, 0, bar);
  }
  __syncthreads();
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
  unsigned r[4][4];
  for (int k = 0; k < 4; ++k)
    for (int e = 0; e < 4; ++e) r[k][e] = a[(row + e % 2 * 8) * 32 + k * 8 + e / 2 * 4 + lane % 4];
  waitFor(bar, 0);
  float d[32];
  for (int e = 0; e < 32; ++e) d[e] = 0;
  keepBefore(d);
  wgmmaFence();
  for (int k = 0; k < 4; ++k)
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "
                 "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                 : SIXTEEN(d, REAL, 0), SIXTEEN(d, REAL, 16)
                 : "r"(r[k][0]), "r"(r[k][1]), "r"(r[k][2]), "r"(r[k][3]),
                   "l"(descriptor(sharedAddress(tb)) + 128 * k)); // 16 rows of 128 bytes
  wgmmaCommit();
  wgmmaWait();
  for (int e = 0; e < 32; ++e) c[(row + e / 2 % 2 * 8) * 64 + e / 4 * 8 + lane % 4 * 2 + e % 2] = d[e];
}

// One dimension: a bulk copy in, work, a bulk copy out and a bulk addition into global memory.
__global__ void bulkScale(const float *in, float *out, int *sums) {
  __shared__ __align__(16) float buffer[256];
  __shared__ __align__(16) int counts[64];
  __shared__ __align__(8) unsigned long long barrier;
  const unsigned bar = sharedAddress(&barrier), t = threadIdx.x;
  if (t == 0) {
    initBarrier(bar, 1);
    asm volatile("fence.proxy.async;" ::: "memory");
    expectBytes(bar, 1024);
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], 1024, [%2];" ::"r"(
                     sharedAddress(buffer)),
                 "l"(in + blockIdx.x * 256), "r"(bar)
                 : "memory");
  }
  if (t < 64) counts[t] = (int)(t + blockIdx.x);
  __syncthreads();
  waitFor(bar, 0);
  buffer[t] = buffer[t] * 3 + 1;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  unsigned leader;
  asm volatile("{\n\t.reg .pred p;\n\telect.sync _|p, 0xffffffff;\n\tselp.u32 %0, 1, 0, p;\n\t}" : "=r"(leader));
  if (t < 32 && leader) {
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], 1024;" ::"l"(out + blockIdx.x * 256),
                 "r"(sharedAddress(buffer))
                 : "memory");
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.s32 [%0], [%1], 256;" ::"l"(sums),
                 "r"(sharedAddress(counts))
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;\n\tcp.async.bulk.wait_group 0;" ::: "memory");
  }
}

// Tiles of a tensor of three dimensions, moved to other places; what lies outside is filled with zeros.
__global__ void moveBoxes(const __grid_constant__ TensorMap from, const __grid_constant__ TensorMap to) {
  __shared__ __align__(128) int box[4 * 6 * 8];
  __shared__ __align__(8) unsigned long long barrier;
  const unsigned bar = sharedAddress(&barrier), at = sharedAddress(box);
  const int x = blockIdx.x * 8 - 4, y = blockIdx.y * 6 - 3, z = blockIdx.z * 4;
  if (threadIdx.x == 0) {
    initBarrier(bar, 1);
    asm volatile("fence.proxy.async;" ::: "memory");
    expectBytes(bar, sizeof box);
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
                 "[%1, {%2, %3, %4}], [%5];" ::"r"(at),
                 "l"(&from), "r"(x), "r"(y), "r"(z), "r"(bar)
                 : "memory");
  }
  __syncthreads();
  waitFor(bar, 0);
  for (int i = threadIdx.x; i < 4 * 6 * 8; i += blockDim.x) box[i] = box[i] * 2 + 1;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  if (threadIdx.x == 0) {
    asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%1, %2, %3}], [%4];" ::"l"(&to),
                 "r"(x), "r"(y), "r"(z), "r"(at)
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;\n\tcp.async.bulk.wait_group.read 0;" ::: "memory");
  }
}
}
