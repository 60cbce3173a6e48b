// Transposition through shared memory, with bank conflicts, padded, swizzled, by shuffles, and in place; permutations of
// the axes of a tensor.
extern "C" {

__global__ void transposeConflicts(const float *in, float *out, int width, int height) {
  __shared__ float tile[32][32];
  const int x = blockIdx.x * 32 + threadIdx.x, y0 = blockIdx.y * 32;
  for (int j = threadIdx.y; j < 32; j += 8) tile[j][threadIdx.x] = in[(y0 + j) * width + x];
  __syncthreads();
  for (int j = threadIdx.y; j < 32; j += 8)
    out[(blockIdx.x * 32 + j) * height + y0 + threadIdx.x] = tile[threadIdx.x][j];
}

__global__ void transposePadded(const float *in, float *out, int width, int height) {
  __shared__ float tile[32][33];
  const int x = blockIdx.x * 32 + threadIdx.x, y0 = blockIdx.y * 32;
  for (int j = threadIdx.y; j < 32; j += 8) tile[j][threadIdx.x] = in[(y0 + j) * width + x];
  __syncthreads();
  for (int j = threadIdx.y; j < 32; j += 8)
    out[(blockIdx.x * 32 + j) * height + y0 + threadIdx.x] = tile[threadIdx.x][j];
}

__global__ void transposeSwizzled(const float *in, float *out, int width, int height) {
  __shared__ float tile[32][32];
  const int x = blockIdx.x * 32 + threadIdx.x, y0 = blockIdx.y * 32;
  for (int j = threadIdx.y; j < 32; j += 8) tile[j][threadIdx.x ^ j] = in[(y0 + j) * width + x];
  __syncthreads();
  for (int j = threadIdx.y; j < 32; j += 8)
    out[(blockIdx.x * 32 + j) * height + y0 + threadIdx.x] = tile[threadIdx.x][j ^ threadIdx.x];
}

// 32×32 bits a warp: five steps of exchanging halves.
__global__ void transposeBits(const unsigned *in, unsigned *out) {
  unsigned v = in[blockIdx.x * 32 + threadIdx.x];
  unsigned mask = 0xffffu;
  for (int k = 16; k > 0; k /= 2, mask ^= mask << k) {
    const unsigned other = __shfl_xor_sync(~0u, v, k);
    v = threadIdx.x & k ? (v & ~mask) | (other >> k & mask) : (v & mask) | (other << k & ~mask);
  }
  out[blockIdx.x * 32 + threadIdx.x] = v;
}

// In place: a pair of tiles changes places, the diagonal's own tiles turn.
__global__ void transposeInPlace(short *m, int n) {
  if (blockIdx.x < blockIdx.y) return;
  __shared__ short a[16][17], b[16][17];
  const int tx = threadIdx.x, ty = threadIdx.y, x = blockIdx.x * 16, y = blockIdx.y * 16;
  a[ty][tx] = m[(y + ty) * n + x + tx];
  b[ty][tx] = m[(x + ty) * n + y + tx];
  __syncthreads();
  m[(x + ty) * n + y + tx] = a[tx][ty];
  if (blockIdx.x != blockIdx.y) m[(y + ty) * n + x + tx] = b[tx][ty];
}

// Axes (0, 1, 2, 3) to (2, 0, 3, 1), any sizes.
__global__ void permute(const double *in, double *out, int4 size) {
  const int total = size.x * size.y * size.z * size.w;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < total; i += gridDim.x * blockDim.x) {
    int r = i;
    const int d = r % size.w;
    r /= size.w;
    const int c = r % size.z;
    r /= size.z;
    const int b = r % size.y, a = r / size.y;
    out[((c * size.x + a) * size.w + d) * size.y + b] = in[i];
  }
}
}
