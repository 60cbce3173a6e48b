// Loads and stores with hints: __ldg, __ldcs, __stcg and their kin, cache policies, prefetches, cp.async of every size
// through the primitives, unaligned copies, vectors of all types.
#include <cuda_pipeline.h>

extern "C" {

__global__ void hints(const int *in, int *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int sum = __ldg(in + i) + 2 * __ldcg(in + i) + 3 * __ldca(in + i) + 4 * __ldcs(in + i) + 5 * __ldlu(in + i);
  sum += 6 * __ldcv(in + i);
  const int j = 4 * i;
  __stwb(out + j, sum), __stcg(out + j + 1, sum + 1), __stcs(out + j + 2, sum + 2), __stwt(out + j + 3, sum + 3);
}

__global__ void policies(const float4 *in, float4 *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned long long first, last;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(first));
  asm("createpolicy.fractional.L2::evict_last.b64 %0, 0.5;" : "=l"(last));
  if (i >= n) return;
  float4 v;
  asm volatile("prefetch.global.L2 [%0];" ::"l"(in + i));
  asm volatile("ld.global.L2::cache_hint.v4.f32 {%0,%1,%2,%3}, [%4], %5;"
               : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
               : "l"(in + i), "l"(first));
  asm volatile("st.global.L2::cache_hint.v4.f32 [%0], {%1,%2,%3,%4}, %5;" ::"l"(out + i), "f"(v.w), "f"(v.z), "f"(v.y),
               "f"(v.x), "l"(last));
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.f32 %0, [%1];" : "=f"(v.x) : "l"(in + i));
  if (v.x > 1e30f) out[i].x = v.x;
}

// Copies of 4, 8 and 16 bytes into two buffers, of which one is used while the other fills; a tail filled with zeros.
__global__ void pipelined(const int4 *in, int4 *out, int tiles, int4 *tail) {
  __shared__ int4 buffers[2][64];
  const int t = threadIdx.x;
  const int4 *from = in + blockIdx.x * tiles * 64;
  auto fetch = [&](int tile) {
    if (tile < tiles) {
      int4 *to = &buffers[tile % 2][t];
      const int4 *at = from + tile * 64 + t;
      if (t % 3 == 0) __pipeline_memcpy_async(to, at, 16);
      else if (t % 3 == 1) {
        __pipeline_memcpy_async((int2 *)to, (const int2 *)at, 8);
        __pipeline_memcpy_async((int2 *)to + 1, (const int2 *)at + 1, 8);
      } else {
        for (int e = 0; e < 4; ++e) __pipeline_memcpy_async((int *)to + e, (const int *)at + e, 4);
      }
    }
    __pipeline_commit();
  };
  fetch(0);
  int4 sum = make_int4(0, 0, 0, 0);
  for (int tile = 0; tile < tiles; ++tile) {
    fetch(tile + 1);
    __pipeline_wait_prior(1);
    __syncthreads();
    const int4 v = buffers[tile % 2][63 - t];
    sum = make_int4(sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w);
    __syncthreads();
  }
  out[blockIdx.x * 64 + t] = sum;
  __pipeline_wait_prior(0);
  __pipeline_memcpy_async(&buffers[0][t], from + t, 16, t % 5 * 4);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  if (blockIdx.x == 0) tail[t] = buffers[0][t];
}

// Every vector type there is, as one sum of bytes.
__global__ void vectors(const char4 *a, const short2 *b, const ushort4 *c, const longlong2 *d, const double2 *e,
                        const uchar2 *f, const float3 *g, double *out) {
  const int t = threadIdx.x;
  const char4 va = a[t];
  const short2 vb = b[t];
  const ushort4 vc = c[t];
  const longlong2 vd = d[t];
  const double2 ve = e[t];
  const uchar2 vf = f[t];
  const float3 vg = g[t];
  out[t] = va.x + 2.0 * va.y + 3.0 * va.z + 4.0 * va.w + vb.x - vb.y + vc.x + vc.y - vc.z - 2.0 * vc.w + vd.x + 3.0 * vd.y +
           ve.x * ve.y + vf.x * vf.y + vg.x + 2 * vg.y + 4 * vg.z;
}

// A copy of any length between any addresses: bytes until the destination is aligned, then words put together.
__global__ void copyUnaligned(const unsigned char *from, unsigned char *to, int n) {
  int head = (int)(-(unsigned long long)to & 3);
  head = min(head, n);
  if (threadIdx.x < head) to[threadIdx.x] = from[threadIdx.x];
  const unsigned char *f = from + head;
  const int wordCount = (n - head) / 4, shift = (int)((unsigned long long)f & 3);
  const unsigned *aligned = (const unsigned *)(f - shift);
  for (int i = threadIdx.x; i < wordCount; i += blockDim.x) {
    const unsigned low = aligned[i], high = shift ? aligned[i + 1] : 0;
    ((unsigned *)(to + head))[i] = __funnelshift_r(low, high, 8 * shift);
  }
  const int done = head + 4 * wordCount;
  if (threadIdx.x < n - done) to[done + threadIdx.x] = from[done + threadIdx.x];
}
}
