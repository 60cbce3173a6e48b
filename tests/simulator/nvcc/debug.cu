// Compiled with -G: nothing optimised, every variable in local memory, calls kept, lines for a debugger. A bit of
// everything: lambdas, loops, structures, shared memory, shuffles, 64-bit and floating-point arithmetic, recursion.
namespace {

struct Complex {
  double re, im;
  __device__ Complex operator*(const Complex &o) const { return {re * o.re - im * o.im, re * o.im + im * o.re}; }
  __device__ Complex operator+(const Complex &o) const { return {re + o.re, im + o.im}; }
};

template <class F> __device__ int countIf(const int *v, int n, F predicate) {
  int count = 0;
  for (int i = 0; i < n; ++i)
    if (predicate(v[i])) ++count;
  return count;
}

__device__ long long binomial(int n, int k) {
  if (k == 0 || k == n) return 1;
  return binomial(n - 1, k - 1) + binomial(n - 1, k);
}

} // namespace

extern "C" {

__global__ void polynomials(const double *in, double *out, int degree) {
  const int t = threadIdx.x;
  const Complex z{in[2 * t], in[2 * t + 1]};
  Complex sum{0, 0};
  for (int k = degree; k >= 0; --k) sum = sum * z + Complex{(double)k, 1.0};
  out[2 * t] = sum.re, out[2 * t + 1] = sum.im;
}

__global__ void countsAndBinomials(const int *in, int n, long long *out) {
  const int t = threadIdx.x;
  const int count = countIf(in, n, [t](int v) { return v > t; });
  out[2 * t] = count, out[2 * t + 1] = binomial(10, t % 11);
}

__global__ void blockSum(const float *in, float *out) {
  __shared__ float parts[4];
  float v = in[threadIdx.x];
  for (int k = 16; k > 0; k >>= 1) v += __shfl_down_sync(0xffffffff, v, k);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x == 0) {
    float sum = 0;
    for (int w = 0; w < 4; ++w) sum += parts[w];
    *out = sum;
  }
}

__global__ void functionsInDebug(const float *in, float *out) {
  const float x = in[threadIdx.x];
  out[threadIdx.x] = sinf(x) + expf(x) / (1 + powf(fabsf(x), 1.5f)) - (float)(__popc((unsigned)threadIdx.x) % 3);
}
}
