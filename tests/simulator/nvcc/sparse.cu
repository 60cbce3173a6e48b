// Sparse matrices: rows in CSR by thread and by warp, ELL, coordinates with atomics, a triangular solve that waits for
// its rows, one step of conjugate gradients.
extern "C" {

__global__ void csrByThread(const int *starts, const int *columns, const float *values, const float *x, float *y, int n) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= n) return;
  float sum = 0;
  for (int k = starts[row]; k < starts[row + 1]; ++k) sum += values[k] * __ldg(x + columns[k]);
  y[row] = sum;
}

__global__ void csrByWarp(const int *starts, const int *columns, const float *values, const float *x, float *y, int n) {
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (row >= n) return;
  float sum = 0;
  for (int k = starts[row] + lane; k < starts[row + 1]; k += 32) sum += values[k] * x[columns[k]];
  for (int k = 16; k > 0; k /= 2) sum += __shfl_down_sync(~0u, sum, k);
  if (lane == 0) y[row] = sum;
}

// Column after column of padded rows; -1 ends a row.
__global__ void ell(const int *columns, const double *values, const double *x, double *y, int n, int longest) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= n) return;
  double sum = 0;
  for (int k = 0; k < longest; ++k) {
    const int c = columns[k * n + row];
    if (c < 0) break;
    sum = fma(values[k * n + row], x[c], sum);
  }
  y[row] = sum;
}

__global__ void coordinates(const int2 *places, const int *values, const int *x, int *y, int count) {
  for (int k = blockIdx.x * blockDim.x + threadIdx.x; k < count; k += gridDim.x * blockDim.x)
    atomicAdd(y + places[k].x, values[k] * x[places[k].y]);
}

// Forward substitution, a thread a row: it polls the flags of the rows that it needs. Lanes wait for lanes of their own
// warp here.
__global__ void triangular(const int *starts, const int *columns, const double *values, const double *b,
                           volatile double *x, int *flags, int n) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= n) return;
  double sum = b[row];
  int k = starts[row];
  const int end = starts[row + 1] - 1; // the diagonal comes last
  bool done = false;
  while (!done) {
    while (k < end && *(volatile int *)(flags + columns[k]) != 0) {
      __threadfence();
      sum -= values[k] * x[columns[k]];
      ++k;
    }
    if (k == end) {
      x[row] = sum / values[end];
      __threadfence();
      *(volatile int *)(flags + row) = 1;
      done = true;
    }
  }
}
}
