// Neighbourhoods: convolutions in one and two dimensions with halos in shared memory, heat flow in 3D, Life, median,
// separable blur.
__constant__ float kernel1[17];
__constant__ float kernel2[25];

extern "C" {

// 17 taps; each block loads its part with eight elements more on each side.
__global__ void convolve1(const float *in, float *out, int n) {
  __shared__ float tile[128 + 16];
  const int first = blockIdx.x * 128 - 8;
  for (int i = threadIdx.x; i < 144; i += 128) {
    const int at = first + i;
    tile[i] = at >= 0 && at < n ? in[at] : 0.0f;
  }
  __syncthreads();
  const int i = blockIdx.x * 128 + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
#pragma unroll
  for (int k = 0; k < 17; ++k) sum += tile[threadIdx.x + k] * kernel1[k];
  out[i] = sum;
}

// 5×5 taps, borders repeated.
__global__ void convolve2(const unsigned char *in, float *out, int width, int height) {
  __shared__ float tile[12][36];
  const int x0 = blockIdx.x * 32 - 2, y0 = blockIdx.y * 8 - 2;
  for (int i = threadIdx.y * 32 + threadIdx.x; i < 12 * 36; i += 256) {
    const int x = min(max(x0 + i % 36, 0), width - 1), y = min(max(y0 + i / 36, 0), height - 1);
    tile[i / 36][i % 36] = in[y * width + x];
  }
  __syncthreads();
  const int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;
  if (x >= width || y >= height) return;
  float sum = 0;
  for (int j = 0; j < 5; ++j)
    for (int i = 0; i < 5; ++i) sum += tile[threadIdx.y + j][threadIdx.x + i] * kernel2[j * 5 + i];
  out[y * width + x] = sum;
}

// One step of heat flow on a 3D grid: planes go through registers, each plane's neighbours through shared memory.
__global__ void heat(const double *in, double *out, int nx, int ny, int nz, double rate) {
  __shared__ double plane[10][18];
  const int tx = threadIdx.x + 1, ty = threadIdx.y + 1;
  const int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;
  const bool inside = x < nx && y < ny;
  auto at = [&](int i, int j, int k) {
    return in[(min(max(k, 0), nz - 1) * ny + min(max(j, 0), ny - 1)) * nx + min(max(i, 0), nx - 1)];
  };
  double below = at(x, y, -1), here = at(x, y, 0);
  for (int z = 0; z < nz; ++z) {
    const double above = at(x, y, z + 1);
    plane[ty][tx] = here;
    if (threadIdx.x == 0) plane[ty][0] = at(x - 1, y, z);
    if (threadIdx.x == 15) plane[ty][17] = at(x + 1, y, z);
    if (threadIdx.y == 0) plane[0][tx] = at(x, y - 1, z);
    if (threadIdx.y == 7) plane[9][tx] = at(x, y + 1, z);
    __syncthreads();
    const double sum = plane[ty][tx - 1] + plane[ty][tx + 1] + plane[ty - 1][tx] + plane[ty + 1][tx] + below + above;
    if (inside) out[(z * ny + y) * nx + x] = here + rate * (sum - 6 * here);
    __syncthreads();
    below = here, here = above;
  }
}

// Life on a torus of 64×64 bits, a row a thread, by bitwise adders.
__global__ void life(unsigned long long *rows, int steps) {
  __shared__ unsigned long long now[64];
  const int t = threadIdx.x;
  now[t] = rows[t];
  for (int s = 0; s < steps; ++s) {
    __syncthreads();
    const unsigned long long r[3] = {now[(t + 63) % 64], now[t], now[(t + 1) % 64]};
    unsigned long long ones = 0, twos = 0, fours = 0;
    for (int k = 0; k < 9; ++k) {
      if (k == 4) continue;
      unsigned long long v = r[k / 3];
      if (k % 3 == 0) v = v << 1 | v >> 63;
      if (k % 3 == 2) v = v >> 1 | v << 63;
      const unsigned long long c = ones & v;
      ones ^= v;
      fours |= twos & c;
      twos ^= c;
    }
    const unsigned long long next = twos & ~fours & (ones | r[1]);
    __syncthreads();
    now[t] = next;
  }
  rows[t] = now[t];
}

// The median of 3×3, by a network of minima and maxima.
__global__ void median(const short *in, short *out, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
  if (x < 1 || x >= width - 1 || y < 1 || y >= height - 1) return;
  short v[9];
  for (int k = 0; k < 9; ++k) v[k] = in[(y + k / 3 - 1) * width + x + k % 3 - 1];
  auto order = [&](int i, int j) {
    const short low = min(v[i], v[j]), high = max(v[i], v[j]);
    v[i] = low, v[j] = high;
  };
  order(1, 2), order(4, 5), order(7, 8), order(0, 1), order(3, 4), order(6, 7), order(1, 2), order(4, 5), order(7, 8);
  order(0, 3), order(5, 8), order(4, 7), order(3, 6), order(1, 4), order(2, 5), order(4, 7), order(4, 2), order(6, 4);
  order(4, 2);
  out[y * width + x] = v[4];
}
}
