// cuda_fp8.h: conversions in both formats, saturating and not, scalar, in pairs and fours, and a product of 8-bit floats.
// Below sm_89 the header computes them with integers, from there on with cvt.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

extern "C" {

__global__ void toFp8(const float *in, unsigned char *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  out[4 * i] = __nv_cvt_float_to_fp8(in[i], __NV_SATFINITE, __NV_E4M3);
  out[4 * i + 1] = __nv_cvt_float_to_fp8(in[i], __NV_SATFINITE, __NV_E5M2);
  out[4 * i + 2] = __nv_cvt_float_to_fp8(in[i], __NV_NOSAT, __NV_E4M3);
  out[4 * i + 3] = __nv_cvt_float_to_fp8(in[i], __NV_NOSAT, __NV_E5M2);
}

// All codes to float, through half and through the classes.
__global__ void fromFp8(float *out) {
  const int i = threadIdx.x;
  __nv_fp8_e4m3 x;
  x.__x = (__nv_fp8_storage_t)i;
  out[4 * i] = (float)x;
  __nv_fp8_e5m2 y;
  y.__x = (__nv_fp8_storage_t)i;
  out[4 * i + 1] = (float)y;
  const __half2_raw pair = __nv_cvt_fp8x2_to_halfraw2((__nv_fp8x2_storage_t)(i << 8 | (255 - i)), __NV_E4M3);
  out[4 * i + 2] = __half2float(__half(__half_raw{pair.y}));
  out[4 * i + 3] = (float)__half(__half_raw{pair.x});
}

// Through every other type and back.
__global__ void mixedFp8(const float *in, float *out) {
  const int i = threadIdx.x;
  out[4 * i] = (float)__nv_fp8_e4m3(__float2half(in[i]));
  out[4 * i + 1] = (float)__nv_fp8_e5m2(__float2bfloat16(in[i]));
  out[4 * i + 2] = (float)__nv_fp8_e4m3((double)in[i]);
  out[4 * i + 3] = (float)__nv_fp8_e5m2((int)(in[i] * 8));
}

// Quantised rows: the scale from the row's maximum, four codes a store, and back.
__global__ void quantize(const float4 *in, unsigned *codes, float *scales, float4 *back, int columns4) {
  const float4 *x = in + blockIdx.x * columns4;
  float top = 0;
  for (int i = threadIdx.x; i < columns4; i += 32) {
    const float4 v = x[i];
    top = fmaxf(top, fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w))));
  }
  for (int k = 16; k > 0; k /= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
  const float scale = top / 448.0f;
  if (threadIdx.x == 0) scales[blockIdx.x] = scale;
  for (int i = threadIdx.x; i < columns4; i += 32) {
    const float4 v = x[i];
    const __nv_fp8x4_e4m3 q(make_float4(v.x / scale, v.y / scale, v.z / scale, v.w / scale));
    codes[blockIdx.x * columns4 + i] = q.__x;
    const float4 f = (float4)q;
    back[blockIdx.x * columns4 + i] = make_float4(f.x * scale, f.y * scale, f.z * scale, f.w * scale);
  }
}
}
