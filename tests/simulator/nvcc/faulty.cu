// Mistakes as people make them in CUDA C++, each only where BAD is set; compiled with -lineinfo, so that reports name the
// line, which a comment marks. With BAD zero every kernel is right.
#include <cuda_pipeline.h>

extern "C" {

__global__ void offByOne(const int *in, int *out, int n, int bad) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n + bad) out[i] = in[i] * 2; // here: offByOne
}

__global__ void missingBarrier(const int *in, int *out, int, int bad) {
  __shared__ int tile[128];
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = in[threadIdx.x]; // here: missingBarrier, as another warp has read by then
  if (!bad) __syncthreads();
  out[threadIdx.x] = tile[127 - threadIdx.x];
}

__global__ void neverWritten(const int *in, int *out, int, int bad) {
  __shared__ int tile[129];
  tile[threadIdx.x] = in[threadIdx.x];
  if (threadIdx.x == 0 && !bad) tile[128] = 0;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x + 1]; // here: neverWritten
}

__global__ void barrierForSome(const int *in, int *out, int, int bad) {
  __shared__ int tile[128];
  tile[threadIdx.x] = in[threadIdx.x];
  if (bad && threadIdx.x % 2) {
    out[threadIdx.x] = 0;
    __syncthreads();
    return;
  }
  __syncthreads(); // here: barrierForSome
  out[threadIdx.x] = tile[127 - threadIdx.x] + 1;
}

__global__ void freedTooEarly(const int *in, int *out, int, int bad) {
  int *copy = (int *)malloc(sizeof(int));
  *copy = in[threadIdx.x];
  if (bad) free(copy);
  out[threadIdx.x] = *copy; // here: freedTooEarly
  if (!bad) free(copy);
}

__global__ void crooked(const int *in, int *out, int, int bad) {
  const int2 pair = *(const int2 *)(in + 2 * (threadIdx.x % 32) + bad); // here: crooked
  out[threadIdx.x] = pair.x + pair.y;
}

__global__ void beyondLocal(const int *in, int *out, int, int bad) {
  int v[8];
  for (int i = 0; i < 8; ++i) v[i] = in[i] * i;
  v[(in[threadIdx.x] & 7) + 8 * bad] = 1; // here: beyondLocal
  int sum = 0;
  for (int i = 0; i < 8; ++i) sum += v[i];
  out[threadIdx.x] = sum;
}

__global__ void readInFlight(const int *in, int *out, int, int bad) {
  __shared__ int tile[128];
  __pipeline_memcpy_async(tile + threadIdx.x, in + threadIdx.x, 4);
  __pipeline_commit();
  if (!bad) __pipeline_wait_prior(0);
  out[threadIdx.x] = tile[threadIdx.x]; // here: readInFlight
}

__global__ void wrongMask(const int *in, int *out, int, int bad) {
  int v = in[threadIdx.x];
  if (threadIdx.x % 32 < 16) {
    v += __shfl_xor_sync(bad ? 0xfffeu : 0xffffu, v, 1); // nvcc names its own header's line
    out[threadIdx.x] = v;
    return;
  }
  out[threadIdx.x] = v;
}

__global__ void atomicMissing(const int *in, int *out, int, int bad) {
  __shared__ int sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  if (bad) sum += in[threadIdx.x]; // here: atomicMissing
  else atomicAdd(&sum, in[threadIdx.x]);
  __syncthreads();
  out[threadIdx.x] = sum;
}
}
