// Sums, extrema and bits over blocks: by shuffles, trees in shared memory, redux, a last block, vector loads.
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

// A tree in shared memory with sequential addresses; the last warp goes on by itself.
__global__ void reduceTree(const double *in, double *out) {
  extern __shared__ double tree[];
  const int t = threadIdx.x;
  tree[t] = in[blockIdx.x * blockDim.x + t];
  __syncthreads();
  for (int half = blockDim.x / 2; half >= 32; half /= 2) {
    if (t < half) tree[t] += tree[t + half];
    __syncthreads();
  }
  if (t < 32) {
    double sum = tree[t];
    for (int k = 16; k > 0; k /= 2) sum += __shfl_xor_sync(~0u, sum, k);
    if (t == 0) out[blockIdx.x] = sum;
  }
}

// redux.sync in all its operations; the odd lanes of a warp and the even ones by themselves.
__global__ void reduceRedux(const int *in, int *out) {
  const int v = in[threadIdx.x], warp = threadIdx.x / 32;
  const unsigned mask = threadIdx.x % 2 ? 0xaaaaaaaau : 0x55555555u;
  int r[8];
  if (threadIdx.x % 2) {
    r[0] = __reduce_add_sync(mask, v), r[1] = __reduce_min_sync(mask, v), r[2] = __reduce_max_sync(mask, v);
    r[3] = (int)__reduce_and_sync(mask, (unsigned)v), r[4] = (int)__reduce_or_sync(mask, (unsigned)v);
    r[5] = (int)__reduce_xor_sync(mask, (unsigned)v);
    r[6] = (int)__reduce_min_sync(mask, (unsigned)v), r[7] = (int)__reduce_max_sync(mask, (unsigned)v);
  } else {
    r[7] = (int)__reduce_max_sync(mask, (unsigned)v), r[6] = (int)__reduce_min_sync(mask, (unsigned)v);
    r[5] = (int)__reduce_xor_sync(mask, (unsigned)v);
    r[4] = (int)__reduce_or_sync(mask, (unsigned)v), r[3] = (int)__reduce_and_sync(mask, (unsigned)v);
    r[2] = __reduce_max_sync(mask, v), r[1] = __reduce_min_sync(mask, v), r[0] = __reduce_add_sync(mask, v);
  }
  if (threadIdx.x % 32 < 2)
    for (int k = 0; k < 8; ++k) out[(warp * 2 + threadIdx.x % 2) * 8 + k] = r[k];
}

// One launch: every block leaves its part, and the one that comes last adds them up.
__device__ unsigned arrived;
__global__ void reduceLast(const float4 *in, volatile float *parts, float *out, int n4) {
  __shared__ float tree[128];
  __shared__ bool isLast;
  float sum = 0;
  for (int i = blockIdx.x * 128 + threadIdx.x; i < n4; i += gridDim.x * 128) {
    const float4 v = in[i];
    sum += (v.x + v.y) + (v.z + v.w);
  }
  auto block = [&](float x) {
    tree[threadIdx.x] = x;
    __syncthreads();
    for (int half = 64; half > 0; half /= 2) {
      if (threadIdx.x < half) tree[threadIdx.x] += tree[threadIdx.x + half];
      __syncthreads();
    }
    return tree[0];
  };
  sum = block(sum);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = sum;
    __threadfence();
    isLast = atomicInc(&arrived, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!isLast) return;
  __threadfence();
  sum = block(threadIdx.x < gridDim.x ? parts[threadIdx.x] : 0.0f);
  if (threadIdx.x == 0) *out = sum;
}

// Where the greatest element is; of equal ones the first.
__global__ void argMax(const float *in, int n, float *value, int *index) {
  __shared__ float tops[32];
  __shared__ int places[32];
  float top = -INFINITY;
  int place = n;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    if (in[i] > top) top = in[i], place = i;
  auto warp = [&] {
    for (int k = 16; k > 0; k /= 2) {
      const float t = __shfl_down_sync(~0u, top, k);
      const int p = __shfl_down_sync(~0u, place, k);
      if (t > top || (t == top && p < place)) top = t, place = p;
    }
  };
  warp();
  if (threadIdx.x % 32 == 0) tops[threadIdx.x / 32] = top, places[threadIdx.x / 32] = place;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  const bool mine = threadIdx.x < blockDim.x / 32;
  top = mine ? tops[threadIdx.x] : -INFINITY, place = mine ? places[threadIdx.x] : n;
  warp();
  if (threadIdx.x == 0) *value = top, *index = place;
}

// Votes of a block: how many, whether all, whether any.
__global__ void blockVotes(const int *in, int *out) {
  const int v = in[threadIdx.x];
  const int count = __syncthreads_count(v > 3), all = __syncthreads_and(v > -10), any = __syncthreads_or(v > 8);
  if (threadIdx.x == 0) out[0] = count, out[1] = all != 0, out[2] = any != 0;
}
}
