// The mathematical library in double precision.
extern "C" {

__global__ void functionsOfOne(const double *in, double *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const double x = in[i], a = fabs(x), u = x / (1 + a);
  double *o = out + 26 * i;
  o[0] = sin(x), o[1] = cos(x), o[2] = tan(x), o[3] = asin(u), o[4] = acos(u), o[5] = atan(x);
  o[6] = sinh(u), o[7] = cosh(u), o[8] = tanh(x), o[9] = asinh(x), o[10] = acosh(1 + a), o[11] = atanh(u);
  o[12] = exp(x), o[13] = exp2(x), o[14] = exp10(u), o[15] = expm1(u), o[16] = log(a), o[17] = log2(a);
  o[18] = log10(a), o[19] = log1p(a), o[20] = sqrt(a), o[21] = rsqrt(a), o[22] = cbrt(x), o[23] = erf(x);
  o[24] = tgamma(1 + a / 8), o[25] = lgamma(1 + a);
}

__global__ void functionsOfTwo(const double *a, const double *b, double *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const double x = a[i], y = b[i];
  double *o = out + 10 * i;
  o[0] = pow(fabs(x), y), o[1] = atan2(x, y), o[2] = hypot(x, y), o[3] = fmod(x * 10, y), o[4] = x / y;
  o[5] = fma(x, y, x), o[6] = __dadd_ru(x, y), o[7] = __dmul_rz(x, y), o[8] = __ddiv_rd(x, y), o[9] = rint(x * 3) + trunc(y);
}

// Between the types.
__global__ void conversions(const double *in, double *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const double x = in[i];
  double *o = out + 10 * i;
  o[0] = (float)x, o[1] = (int)x, o[2] = (double)(long long)(x * 1e10), o[3] = __double2float_ru(x), o[4] = (unsigned)fabs(x);
  o[5] = __double2int_rn(x), o[6] = (double)(unsigned long long)(fabs(x) * 1e15), o[7] = __ll2double_rd((1ll << 60) + i);
  o[8] = (float)(long long)(x * 1e12), o[9] = __hiloint2double(__double2hiint(x), __double2loint(x) ^ 1);
}
}
