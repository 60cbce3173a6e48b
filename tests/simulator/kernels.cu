// Plain CUDA C++, compiled to PTX by nvcc where it is installed, that NvccTest.cpp runs on the simulator: what another
// compiler emits, not what ours does. The expected results are computed in NvccTest.cpp.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>

extern "C" {

// Sum of N floats: warp shuffles, shared memory, one atomic a block.
__global__ void reduceSum(const float *in, float *out, int n) {
  __shared__ float partial[32];
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += in[i];
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < (blockDim.x + 31) / 32 ? partial[threadIdx.x] : 0.0f;
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
    if (threadIdx.x == 0) atomicAdd(out, sum);
  }
}

// Inclusive prefix sum of a block of 256 integers (Hillis and Steele).
__global__ void scanBlock(const int *in, int *out) {
  __shared__ int buffer[2][256];
  int which = 0;
  const int t = threadIdx.x;
  buffer[0][t] = in[blockIdx.x * 256 + t];
  __syncthreads();
  for (int step = 1; step < 256; step *= 2) {
    buffer[1 - which][t] = buffer[which][t] + (t >= step ? buffer[which][t - step] : 0);
    which = 1 - which;
    __syncthreads();
  }
  out[blockIdx.x * 256 + t] = buffer[which][t];
}

// Softmax of rows, one warp a row.
__global__ void softmaxRows(const float *in, float *out, int columns) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  const float *x = in + row * columns;
  float top = -INFINITY, sum = 0;
  for (int i = lane; i < columns; i += 32) top = fmaxf(top, x[i]);
  for (int k = 16; k > 0; k /= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
  for (int i = lane; i < columns; i += 32) sum += expf(x[i] - top);
  for (int k = 16; k > 0; k /= 2) sum += __shfl_xor_sync(~0u, sum, k);
  for (int i = lane; i < columns; i += 32) out[row * columns + i] = expf(x[i] - top) / sum;
}

// Tiled matrix product in f32 with dynamic shared memory.
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

// Histogram with shared and global atomics.
__global__ void histogram(const unsigned char *in, unsigned *out, int n) {
  __shared__ unsigned bins[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) bins[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&bins[in[i]], 1u);
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&out[i], bins[i]);
}

// Data-dependent control flow: steps of the Collatz sequence, 64-bit.
__global__ void collatz(const long long *in, int *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  long long x = in[i];
  int steps = 0;
  while (x != 1) {
    if (x % 2 == 0) x /= 2;
    else if (x % 3 == 0) x = x * 3 + 1;
    else x = (3 * x + 1);
    ++steps;
  }
  out[i] = steps;
}

// A switch, which becomes a branch table, and local memory with dynamic indices.
__global__ void interpreter(const unsigned char *program, int length, int *out) {
  int stack[8];
  for (int i = 0; i < 8; ++i) stack[i] = 0;
  int top = 0;
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  for (int pc = 0; pc < length; ++pc) {
    const unsigned char op = program[(pc + (t & 1)) % length];
    switch (op) {
    case 0: stack[top] += t; break;
    case 1: stack[top] *= 3; break;
    case 2: stack[top] -= 7; break;
    case 3: top = (top + 1) % 8; break;
    case 4: stack[top] ^= stack[(top + 3) % 8]; break;
    case 5: stack[top] <<= 1; break;
    case 6: stack[top] = max(stack[top], -stack[top]); break;
    default: stack[top] += 1; break;
    }
  }
  int sum = 0;
  for (int i = 0; i < 8; ++i) sum = sum * 31 + stack[i];
  out[t] = sum;
}

// Half arithmetic in pairs.
__global__ void axpyHalf(const __half2 *x, __half2 *y, float a, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = __hfma2(__float2half2_rn(a), x[i], y[i]);
}

__global__ void toBfloat(const float *x, __nv_bfloat16 *y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = __float2bfloat16(x[i] * 1.5f);
}

// INT8 matrix product by inline PTX: one warp, 16×8 with k = 32·steps.
__global__ void mmaInt8(const signed char *a, const signed char *b, int *c, int steps) {
  const int lane = threadIdx.x, g = lane / 4, t = lane % 4, k = 32 * steps;
  int d[4] = {0, 0, 0, 0};
  for (int s = 0; s < steps; ++s) {
    const signed char *pa = a + 32 * s + 4 * t, *pb = b + g * k + 32 * s + 4 * t;
    const int a0 = *(const int *)(pa + g * k), a1 = *(const int *)(pa + (g + 8) * k);
    const int a2 = *(const int *)(pa + g * k + 16), a3 = *(const int *)(pa + (g + 8) * k + 16);
    const int b0 = *(const int *)pb, b1 = *(const int *)(pb + 16);
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
  }
  c[g * 8 + 2 * t] = d[0], c[g * 8 + 2 * t + 1] = d[1];
  c[(g + 8) * 8 + 2 * t] = d[2], c[(g + 8) * 8 + 2 * t + 1] = d[3];
}

// Special functions and 64-bit integer division.
__global__ void special(const float *x, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float v = x[i];
  out[8 * i] = sqrtf(v), out[8 * i + 1] = logf(v), out[8 * i + 2] = sinf(v), out[8 * i + 3] = __expf(v);
  out[8 * i + 4] = powf(v, 1.5f), out[8 * i + 5] = tanhf(v), out[8 * i + 6] = rsqrtf(v);
  out[8 * i + 7] = (float)(123456789012345ull / (unsigned long long)(1 + i));
}

// Flags between blocks: each adds to what the one before left (a look-back chain).
__global__ void chain(volatile int *flags, int *sums) {
  if (threadIdx.x == 0) {
    if (blockIdx.x > 0) while (flags[blockIdx.x - 1] == 0) {}
    __threadfence();
    sums[blockIdx.x] = (blockIdx.x > 0 ? ((volatile int *)sums)[blockIdx.x - 1] : 0) + (int)blockIdx.x;
    __threadfence();
    flags[blockIdx.x] = 1;
  }
}

// Ballot, match and population counts; double precision.
__global__ void votes(const int *in, unsigned *out, double *mean) {
  const int v = in[threadIdx.x];
  out[threadIdx.x] = __ballot_sync(~0u, v > 3) ^ __match_any_sync(~0u, v & 3);
  double sum = v;
  for (int k = 16; k > 0; k /= 2) sum += __shfl_xor_sync(~0u, sum, k);
  if (threadIdx.x == 0) *mean = sum / 32;
}
}
