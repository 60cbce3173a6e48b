// Matrix products without tensor cores: tiles in shared memory, tiles in registers with vector loads, matrix times
// vector, Strassen's first step in integers.
extern "C" {

// Tiled, f32, with dynamic shared memory.
__global__ void matmul(const float *a, const float *b, float *c, int n) {
  extern __shared__ float tile[];
  float *ta = tile, *tb = tile + 256;
  const int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.y * 16 + ty, column = blockIdx.x * 16 + tx;
  float sum = 0;
  for (int k = 0; k < n; k += 16) {
    ta[ty * 16 + tx] = a[row * n + k + tx];
    tb[ty * 16 + tx] = b[(k + ty) * n + column];
    __syncthreads();
    for (int i = 0; i < 16; ++i) sum += ta[ty * 16 + i] * tb[i * 16 + tx];
    __syncthreads();
  }
  c[row * n + column] = sum;
}

// 64×64 a block, 4×4 a thread, two buffers: the next tile is fetched while this one is used.
__global__ void __launch_bounds__(256, 2) matmulRegisters(const float *__restrict__ a, const float *__restrict__ b,
                                                          float *c, int n, int depth) {
  __shared__ __align__(16) float ta[2][8][64 + 4], tb[2][8][64];
  const int t = threadIdx.x, tx = t % 16, ty = t / 16, row = blockIdx.y * 64, column = blockIdx.x * 64;
  float sum[4][4] = {};
  float2 nextA, nextB;
  auto fetch = [&](int k) {
    nextA = *(const float2 *)(a + (row + t / 4) * depth + k + t % 4 * 2);
    nextB = *(const float2 *)(b + (k + t / 32) * n + column + t % 32 * 2);
  };
  auto put = [&](int buffer) {
    ta[buffer][t % 4 * 2][t / 4] = nextA.x, ta[buffer][t % 4 * 2 + 1][t / 4] = nextA.y;
    *(float2 *)&tb[buffer][t / 32][t % 32 * 2] = nextB;
  };
  fetch(0);
  put(0);
  __syncthreads();
  for (int k = 0, buffer = 0; k < depth; k += 8, buffer ^= 1) {
    const bool more = k + 8 < depth;
    if (more) fetch(k + 8);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float4 x = *(const float4 *)&ta[buffer][i][ty * 4], y = *(const float4 *)&tb[buffer][i][tx * 4];
      const float xs[4] = {x.x, x.y, x.z, x.w}, ys[4] = {y.x, y.y, y.z, y.w};
      for (int r = 0; r < 4; ++r)
        for (int s = 0; s < 4; ++s) sum[r][s] = fmaf(xs[r], ys[s], sum[r][s]);
    }
    if (more) put(buffer ^ 1);
    __syncthreads();
  }
  for (int r = 0; r < 4; ++r)
    *(float4 *)(c + (row + ty * 4 + r) * n + column + tx * 4) =
        make_float4(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
}

// Matrix times vector: a warp a row, double.
__global__ void matVec(const double2 *a, const double2 *x, double *y, int columns2) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  double sum = 0;
  for (int i = lane; i < columns2; i += 32) {
    const double2 p = a[row * columns2 + i], q = x[i];
    sum = fma(p.x, q.x, fma(p.y, q.y, sum));
  }
  for (int k = 16; k > 0; k /= 2) sum += __shfl_down_sync(~0u, sum, k);
  if (lane == 0) y[row] = sum;
}

// Boolean product of 64×64 bits: closure of a relation by squaring until nothing changes.
__global__ void closure(unsigned long long *rows) {
  __shared__ unsigned long long m[64];
  const int t = threadIdx.x;
  m[t] = rows[t];
  for (;;) {
    __syncthreads();
    unsigned long long next = m[t];
    for (unsigned long long left = m[t]; left != 0; left &= left - 1) next |= m[__ffsll((long long)left) - 1];
    const bool changed = next != m[t];
    if (!__syncthreads_or(changed)) break;
    m[t] = next;
  }
  rows[t] = m[t];
}
}
