// Fourier transforms: radix 2 in shared memory, radix 4 in registers and shuffles, number-theoretic over a prime,
// Walsh-Hadamard, discrete cosine of 8×8.
extern "C" {

// 256 points, decimation in time, sines and cosines on the fly.
__global__ void fft256(const float2 *in, float2 *out, float direction) {
  __shared__ float2 x[256];
  const int t = threadIdx.x;
  const float2 *from = in + blockIdx.x * 256;
  x[__brev(t) >> 24] = from[t];
  x[__brev(t + 128) >> 24] = from[t + 128];
  for (int half = 1; half < 256; half *= 2) {
    __syncthreads();
    const int k = t % half, i = t / half * 2 * half + k, j = i + half;
    float s, c;
    sincospif(direction * k / half, &s, &c);
    const float2 a = x[i], b = x[j];
    const float2 w = make_float2(b.x * c - b.y * s, b.x * s + b.y * c);
    x[i] = make_float2(a.x + w.x, a.y + w.y);
    x[j] = make_float2(a.x - w.x, a.y - w.y);
  }
  __syncthreads();
  out[blockIdx.x * 256 + t] = x[t];
  out[blockIdx.x * 256 + t + 128] = x[t + 128];
}

// 32 points in a warp, values change lanes by shuffles only; double.
__global__ void fft32(const double2 *in, double2 *out) {
  const int lane = threadIdx.x;
  double2 v = in[blockIdx.x * 32 + (__brev(lane) >> 27)];
  for (int half = 1; half < 32; half *= 2) {
    double s, c;
    sincospi(-(double)(lane % half) / half, &s, &c);
    const bool upper = lane & half;
    if (upper) v = make_double2(v.x * c - v.y * s, v.x * s + v.y * c);
    const double2 o = make_double2(__shfl_xor_sync(~0u, v.x, half), __shfl_xor_sync(~0u, v.y, half));
    v = upper ? make_double2(o.x - v.x, o.y - v.y) : make_double2(o.x + v.x, o.y + v.y);
  }
  out[blockIdx.x * 32 + lane] = v;
}

// 128 points modulo 998244353, in place; the product of two polynomials is the use.
__device__ unsigned multiplyModulo(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b % 998244353u); }
__device__ unsigned powerModulo(unsigned b, unsigned e) {
  unsigned r = 1;
  for (; e != 0; e /= 2, b = multiplyModulo(b, b))
    if (e & 1) r = multiplyModulo(r, b);
  return r;
}
__device__ void transform(unsigned *x, bool back) {
  const int t = threadIdx.x;
  for (int half = 64; half > 0; half /= 2) { // decimation in frequency; the way back runs the other way
    const int h = back ? 64 / half : half;
    __syncthreads();
    const int k = t % h, i = t / h * 2 * h + k, j = i + h;
    unsigned root = powerModulo(3, 998244352u / (2 * h));
    if (back) root = powerModulo(root, 998244351u);
    const unsigned w = powerModulo(root, k), a = x[i];
    if (back) {
      const unsigned b = multiplyModulo(x[j], w);
      x[i] = (a + b) % 998244353u, x[j] = (a + 998244353u - b) % 998244353u;
    } else {
      const unsigned b = x[j];
      x[i] = (a + b) % 998244353u, x[j] = multiplyModulo((a + 998244353u - b) % 998244353u, w);
    }
  }
  __syncthreads();
}
__global__ void polynomialProduct(const unsigned *a, const unsigned *b, unsigned *out) {
  __shared__ unsigned x[128], y[128];
  const int t = threadIdx.x; // 64 threads, 64 coefficients each
  x[t] = a[t], y[t] = b[t], x[t + 64] = y[t + 64] = 0;
  transform(x, false);
  transform(y, false);
  x[t] = multiplyModulo(x[t], y[t]), x[t + 64] = multiplyModulo(x[t + 64], y[t + 64]);
  transform(x, true);
  const unsigned inverse = powerModulo(128, 998244351u);
  out[t] = multiplyModulo(x[t], inverse), out[t + 64] = multiplyModulo(x[t + 64], inverse);
}

// Walsh-Hadamard of 128 integers, four a lane: two steps in registers, five by shuffles.
__global__ void hadamard(const int4 *in, int4 *out) {
  int4 v = in[blockIdx.x * 32 + threadIdx.x];
  v = make_int4(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
  v = make_int4(v.x + v.z, v.y + v.w, v.x - v.z, v.y - v.w);
  for (int k = 1; k < 32; k *= 2) {
    const int sign = threadIdx.x & k ? -1 : 1;
    v.x = __shfl_xor_sync(~0u, v.x, k) + sign * v.x, v.y = __shfl_xor_sync(~0u, v.y, k) + sign * v.y;
    v.z = __shfl_xor_sync(~0u, v.z, k) + sign * v.z, v.w = __shfl_xor_sync(~0u, v.w, k) + sign * v.w;
  }
  out[blockIdx.x * 32 + threadIdx.x] = v;
}

// Cosine transform of 8×8 tiles, rows then columns, a tile by 8×8 threads.
__global__ void cosines(const unsigned char *in, float *out, int stride) {
  __shared__ float tile[8][9], half[8][9];
  const int x = threadIdx.x, y = threadIdx.y, at = (blockIdx.y * 8 + y) * stride + blockIdx.x * 8 + x;
  tile[y][x] = in[at] - 128.0f;
  __syncthreads();
  float sum = 0;
  for (int k = 0; k < 8; ++k) sum += tile[y][k] * cospif((2 * k + 1) * x / 16.0f);
  half[y][x] = sum * (x == 0 ? 0.35355339f : 0.5f);
  __syncthreads();
  sum = 0;
  for (int k = 0; k < 8; ++k) sum += half[k][x] * cospif((2 * k + 1) * y / 16.0f);
  out[at] = sum * (y == 0 ? 0.35355339f : 0.5f);
}
}
