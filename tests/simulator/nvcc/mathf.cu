// The mathematical library in single precision.
extern "C" {

// One argument: every thread one x, 32 functions.
__global__ void functionsOfOne(const float *in, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = in[i], a = fabsf(x), u = x / (1 + a);
  float *o = out + 32 * i;
  o[0] = sinf(x), o[1] = cosf(x), o[2] = tanf(x), o[3] = asinf(u), o[4] = acosf(u), o[5] = atanf(x);
  o[6] = sinhf(u), o[7] = coshf(u), o[8] = tanhf(x), o[9] = asinhf(x), o[10] = acoshf(1 + a), o[11] = atanhf(u);
  o[12] = expf(u), o[13] = exp2f(u), o[14] = exp10f(u), o[15] = expm1f(u), o[16] = logf(a), o[17] = log2f(a);
  o[18] = log10f(a), o[19] = log1pf(a), o[20] = sqrtf(a), o[21] = rsqrtf(a), o[22] = cbrtf(x), o[23] = erff(x);
  o[24] = erfcf(u), o[25] = tgammaf(1 + a / 8), o[26] = lgammaf(1 + a), o[27] = sinpif(u), o[28] = cospif(u);
  o[29] = j0f(u), o[30] = normcdff(u), o[31] = erfinvf(u);
}

__global__ void functionsOfTwo(const float *a, const float *b, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = a[i], y = b[i];
  int exponent;
  float whole;
  const float fraction = frexpf(x, &exponent), rest = modff(x * 4, &whole);
  float *o = out + 16 * i;
  o[0] = powf(fabsf(x), y), o[1] = atan2f(x, y), o[2] = hypotf(x, y), o[3] = fmodf(x * 10, y), o[4] = remainderf(x * 10, y);
  o[5] = fdimf(x, y), o[6] = copysignf(x, y), o[7] = nextafterf(x, y), o[8] = fraction + exponent;
  o[9] = ldexpf(x, 5), o[10] = rest + 2 * whole, o[11] = rhypotf(x, y), o[12] = fmaf(x, y, x);
  o[13] = powf(x, 3.0f), o[14] = floorf(x) + 2 * ceilf(y) + 4 * roundf(x * 3) + 8 * rintf(y * 2), o[15] = x / y;
}

// Rounding chosen by name.
__global__ void roundings(const float *a, const float *b, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = a[i], y = b[i];
  float *o = out + 12 * i;
  o[0] = __fadd_rz(x, y), o[1] = __fadd_ru(x, y), o[2] = __fmul_rd(x, y), o[3] = __fmul_ru(x, y);
  o[4] = __fdiv_rz(x, y), o[5] = __fdiv_ru(x, y), o[6] = __fsqrt_rd(fabsf(x)), o[7] = __fsqrt_ru(fabsf(x));
  o[8] = __fmaf_rz(x, y, x), o[9] = __frcp_rd(y), o[10] = __saturatef(x), o[11] = __fsub_rn(x, y);
}

// The fast ones.
__global__ void fast(const float *in, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = in[i], a = fabsf(x) + 0.01f;
  float *o = out + 8 * i;
  o[0] = __sinf(x), o[1] = __cosf(x), o[2] = __expf(x), o[3] = __logf(a), o[4] = __powf(a, x), o[5] = __fdividef(x, a);
  o[6] = __log2f(a), o[7] = __exp10f(x);
}

// Arguments so great that the reduction needs many bits of pi.
__global__ void greatAngles(const float *in, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) sincosf(in[i], out + 2 * i, out + 2 * i + 1);
}

__global__ void classes(const float *in, int *out, int n) {
  const int i = threadIdx.x;
  if (i >= n) return;
  const float x = in[i];
  out[i] = isnan(x) + 2 * (isinf(x) != 0) + 4 * isfinite(x) + 8 * (signbit(x) != 0) + 16 * (ilogbf(x) & 255) +
           65536 * (__float2int_rn(x) & 255) + (1 << 24) * (int)(__float_as_uint(fminf(x, 1.0f)) >> 30);
}
}
