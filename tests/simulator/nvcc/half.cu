// Arithmetic of cuda_fp16.h and cuda_bf16.h: operators, fused forms, comparisons, functions, conversions, atomics.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" {

// Pairs: y = a x + y.
__global__ void axpyHalf(const __half2 *x, __half2 *y, float a, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = __hfma2(__float2half2_rn(a), x[i], y[i]);
}

__global__ void toBfloat(const float *x, __nv_bfloat16 *y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = __float2bfloat16(x[i] * 1.5f);
}

// Sixteen results for a pair of operands.
__global__ void halfOperators(const __half *a, const __half *b, __half *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const __half x = a[i], y = b[i];
  __half *o = out + 16 * i;
  o[0] = x + y, o[1] = x - y, o[2] = x * y, o[3] = x / y, o[4] = -x, o[5] = __habs(x);
  o[6] = __hmin(x, y), o[7] = __hmax(x, y), o[8] = __hfma(x, y, x), o[9] = __hfma_relu(x, y, y);
  o[10] = __hadd_sat(x, y), o[11] = __hmul_sat(x, y);
  o[12] = __float2half(x > y), o[13] = __float2half(__hle(x, y)), o[14] = hrint(x * __float2half(8.0f));
  o[15] = htrunc(x * __float2half(8.0f));
}

__global__ void bfloatOperators(const __nv_bfloat16 *a, const __nv_bfloat16 *b, __nv_bfloat16 *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const __nv_bfloat16 x = a[i], y = b[i];
  __nv_bfloat16 *o = out + 8 * i;
  o[0] = x + y, o[1] = x - y, o[2] = x * y, o[3] = __hfma(x, y, x), o[4] = __hmax(x, y), o[5] = __hmin(x, y);
  o[6] = __hneg(x), o[7] = __float2bfloat16(x == x && x < y);
}

// Functions of positive halves.
__global__ void halfFunctions(const __half *a, __half *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const __half x = a[i];
  __half *o = out + 8 * i;
  o[0] = hsqrt(x), o[1] = hrsqrt(x), o[2] = hrcp(x), o[3] = hexp(x), o[4] = hexp2(x), o[5] = hlog(x), o[6] = hlog2(x),
  o[7] = hsin(x);
}

__global__ void bfloatFunctions(const __nv_bfloat16 *a, __nv_bfloat16 *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const __nv_bfloat162 x = __halves2bfloat162(a[i], __hmul(a[i], a[i]));
  __nv_bfloat162 *o = (__nv_bfloat162 *)out + 3 * i;
  o[0] = h2sqrt(x), o[1] = h2exp2(x), o[2] = __hfma2(x, x, x);
}

// To integers and back, in each rounding.
__global__ void halfConversions(const __half *a, int *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int *o = out + 8 * i;
  o[0] = __half2int_rn(a[i]), o[1] = __half2int_rz(a[i]), o[2] = __half2int_ru(a[i]), o[3] = __half2int_rd(a[i]);
  o[4] = __half2short_rn(a[i]), o[5] = __half2uint_rz(__habs(a[i]));
  o[6] = (int)__half_as_ushort(__int2half_rz(o[0] * 37)), o[7] = (int)__half_as_ushort(__double2half(o[0] / 3.0));
}

// Sums by atomics on halves and pairs: integers small enough to be exact in any order.
__global__ void halfAtomics(const int *in, __half2 *sums, __nv_bfloat162 *others, __half *single) {
  const int v = in[threadIdx.x];
  atomicAdd(sums, __floats2half2_rn((float)v, 1.0f));
  atomicAdd(others, __floats2bfloat162_rn(1.0f, (float)(v > 0)));
  atomicAdd(single, __float2half((float)v));
}

// A warp's sum of pairs by shuffles of __half2.
__global__ void halfShuffle(const __half2 *in, __half2 *out) {
  __half2 v = in[threadIdx.x];
  for (int k = 16; k > 0; k /= 2) v = __hadd2(v, __shfl_down_sync(~0u, v, k));
  if (threadIdx.x == 0) *out = __lowhigh2highlow(v);
}
}
