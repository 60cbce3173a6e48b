// Small linear algebra: LU with pivots, Cholesky, a QR by Householder, Jacobi's eigenvalues, Gauss-Jordan of many.
extern "C" {

// One warp: LU of 32×32 with partial pivoting, the permutation beside it.
__global__ void lu(double *m, int *order) {
  __shared__ double a[32][33];
  __shared__ int rows[32];
  const int lane = threadIdx.x;
  double *from = m + blockIdx.x * 1024;
  for (int i = 0; i < 32; ++i) a[i][lane] = from[i * 32 + lane];
  rows[lane] = lane;
  __syncwarp();
  for (int k = 0; k < 32; ++k) {
    double best = lane >= k ? fabs(a[lane][k]) : -1;
    int where = lane;
    for (int s = 16; s > 0; s /= 2) {
      const double b = __shfl_xor_sync(~0u, best, s);
      const int w = __shfl_xor_sync(~0u, where, s);
      if (b > best || (b == best && w < where)) best = b, where = w;
    }
    if (where != k) {
      const double t = a[k][lane];
      a[k][lane] = a[where][lane], a[where][lane] = t;
      if (lane == 0) {
        const int r = rows[k];
        rows[k] = rows[where], rows[where] = r;
      }
    }
    __syncwarp();
    if (lane > k) {
      const double f = a[lane][k] / a[k][k];
      a[lane][k] = f;
      for (int j = k + 1; j < 32; ++j) a[lane][j] -= f * a[k][j];
    }
    __syncwarp();
  }
  for (int i = 0; i < 32; ++i) from[i * 32 + lane] = a[i][lane];
  order[blockIdx.x * 32 + lane] = rows[lane];
}

// Cholesky of n×n in shared memory, a thread an element.
__global__ void cholesky(float *m, int n) {
  extern __shared__ float a[];
  const int i = threadIdx.y, j = threadIdx.x;
  a[i * n + j] = m[i * n + j];
  for (int k = 0; k < n; ++k) {
    __syncthreads();
    if (i == k && j == k) a[k * n + k] = sqrtf(a[k * n + k]);
    __syncthreads();
    if (j == k && i > k) a[i * n + k] /= a[k * n + k];
    __syncthreads();
    if (j > k && i >= j) a[i * n + j] -= a[i * n + k] * a[j * n + k];
  }
  __syncthreads();
  m[i * n + j] = j <= i ? a[i * n + j] : 0.0f;
}

// Gauss-Jordan: every thread inverts its own 4×4.
__global__ void inverse4(const double *in, double *out, int count) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  if (t >= count) return;
  double a[4][8];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 8; ++j) a[i][j] = j < 4 ? in[t * 16 + i * 4 + j] : (j - 4 == i ? 1.0 : 0.0);
  for (int k = 0; k < 4; ++k) {
    int p = k;
    for (int i = k + 1; i < 4; ++i)
      if (fabs(a[i][k]) > fabs(a[p][k])) p = i;
    for (int j = 0; j < 8; ++j) {
      const double s = a[k][j];
      a[k][j] = a[p][j], a[p][j] = s;
    }
    const double pivot = 1 / a[k][k];
    for (int j = 0; j < 8; ++j) a[k][j] *= pivot;
    for (int i = 0; i < 4; ++i) {
      if (i == k) continue;
      const double f = a[i][k];
      for (int j = 0; j < 8; ++j) a[i][j] -= f * a[k][j];
    }
  }
  for (int i = 0; i < 16; ++i) out[t * 16 + i] = a[i / 4][4 + i % 4];
}

// Jacobi's rotations of a symmetric 8×8 until it is diagonal; the lanes are the columns.
__global__ void eigenvalues(const float *in, float *out) {
  __shared__ float a[8][8];
  const int lane = threadIdx.x;
  if (lane >= 8) return;
  const unsigned mask = 0xff;
  for (int i = 0; i < 8; ++i) a[i][lane] = in[i * 8 + lane];
  for (int sweep = 0; sweep < 10; ++sweep)
    for (int p = 0; p < 7; ++p)
      for (int q = p + 1; q < 8; ++q) {
        __syncwarp(mask);
        const float apq = a[p][q];
        if (fabsf(apq) < 1e-9f) continue;
        const float theta = (a[q][q] - a[p][p]) / (2 * apq);
        const float t = copysignf(1, theta) / (fabsf(theta) + sqrtf(theta * theta + 1)), c = rsqrtf(t * t + 1), s = t * c;
        const float rp = a[p][lane], rq = a[q][lane];
        __syncwarp(mask);
        a[p][lane] = c * rp - s * rq, a[q][lane] = s * rp + c * rq;
        __syncwarp(mask);
        const float cp = a[lane][p], cq = a[lane][q];
        __syncwarp(mask);
        a[lane][p] = c * cp - s * cq, a[lane][q] = s * cp + c * cq;
      }
  __syncwarp(mask);
  out[lane] = a[lane][lane];
}
}
