// A half-precision product as it is written for sm_80: cp.async into three swizzled stages, ldmatrix, mma.sync, the
// result through shared memory. 64×64 a block, four warps of 32×32.
#include <cuda_fp16.h>

namespace {

constexpr int stages = 3, depth = 32; // halves of k a stage

__device__ unsigned sharedAddress(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

// Rows of 32 halves are four chunks of 16 bytes; the chunk's number is mixed with the row against bank conflicts.
__device__ int chunkAt(int row, int chunk) { return row * 4 + (chunk ^ (row >> 1 & 3)); }

__device__ void copy16(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(sharedAddress(to)), "l"(from));
}
__device__ void loadMatrix(unsigned (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(p)));
}
__device__ void multiply(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

} // namespace

// A is m × k, B n × k (column-major of k × n), C m × n.
extern "C" __global__ void __launch_bounds__(128) gemm(const __half *a, const __half *b, __half *c, int n, int k) {
  extern __shared__ __align__(128) uint4 tiles[]; // stages × (A 256 chunks, B 256 chunks)
  const int t = threadIdx.x, warp = t / 32, lane = t % 32, row0 = blockIdx.y * 64, column0 = blockIdx.x * 64;
  const int warpRow = warp / 2 * 32, warpColumn = warp % 2 * 32, count = k / depth;
  auto fetch = [&](int i) {
    if (i < count) {
      uint4 *ta = tiles + i % stages * 512, *tb = ta + 256;
      for (int e = t; e < 256; e += 128) {
        copy16(ta + chunkAt(e / 4, e % 4), a + (row0 + e / 4) * k + i * depth + e % 4 * 8);
        copy16(tb + chunkAt(e / 4, e % 4), b + (column0 + e / 4) * k + i * depth + e % 4 * 8);
      }
    }
    asm volatile("cp.async.commit_group;");
  };
  float d[2][4][4] = {};
  for (int i = 0; i < stages - 1; ++i) fetch(i);
  for (int i = 0; i < count; ++i) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2) : "memory");
    __syncthreads();
    fetch(i + stages - 1);
    const uint4 *ta = tiles + i % stages * 512, *tb = ta + 256;
    for (int kk = 0; kk < depth / 16; ++kk) {
      unsigned fa[2][4], fb[2][4];
      for (int m = 0; m < 2; ++m) loadMatrix(fa[m], ta + chunkAt(warpRow + m * 16 + lane % 16, kk * 2 + lane / 16));
      for (int m = 0; m < 2; ++m)
        loadMatrix(fb[m], tb + chunkAt(warpColumn + m * 16 + lane / 16 * 8 + lane % 8, kk * 2 + lane / 8 % 2));
      for (int m = 0; m < 2; ++m)
        for (int p = 0; p < 4; ++p) multiply(d[m][p], fa[m], fb[p / 2][p % 2 * 2], fb[p / 2][p % 2 * 2 + 1]);
    }
  }
  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();
  // Results as halves in rows of 64 + 8, then whole rows of 16 bytes a thread.
  __half2 *staged = (__half2 *)tiles;
  const int g = lane / 4, q = lane % 4;
  for (int m = 0; m < 2; ++m)
    for (int p = 0; p < 4; ++p) {
      const int r = warpRow + m * 16 + g, at = (warpColumn + p * 8) / 2 + q;
      staged[r * 36 + at] = __floats2half2_rn(d[m][p][0], d[m][p][1]);
      staged[(r + 8) * 36 + at] = __floats2half2_rn(d[m][p][2], d[m][p][3]);
    }
  __syncthreads();
  for (int e = t; e < 64 * 8; e += 128)
    *(uint4 *)(c + (row0 + e / 8) * n + column0 + e % 8 * 8) = *(const uint4 *)(staged + e / 8 * 36 + e % 8 * 4);
}

// ldmatrix.trans: every warp transposes an 8×8 tile of halves four times over, and moves it back.
extern "C" __global__ void transposeTiles(const __half *in, __half *out) {
  __shared__ __align__(16) __half tile[32][8];
  const int lane = threadIdx.x;
  *(uint4 *)tile[lane] = ((const uint4 *)in)[lane];
  __syncwarp();
  unsigned r[4];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(tile[lane]))
               : "memory");
  for (int m = 0; m < 4; ++m) ((unsigned *)out)[m * 32 + lane] = r[m];
}
