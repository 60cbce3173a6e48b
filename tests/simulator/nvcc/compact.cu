// Moving what matches: compaction by ballots, partition that keeps the order, run-length coding, unique, gather with
// binary search.
extern "C" {

// All positive numbers, in any order: a place a warp by one atomic.
__global__ void compactByWarp(const int *in, int *out, int *count, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  const bool keep = i < n && in[i] > 0;
  const unsigned kept = __ballot_sync(~0u, keep);
  int base = 0;
  if (lane == 0 && kept) base = atomicAdd(count, __popc(kept));
  base = __shfl_sync(~0u, base, 0);
  if (keep) out[base + __popc(kept & ((1u << lane) - 1))] = in[i];
}

// Even numbers first, then the odd ones, both in order; one block of 256.
__global__ void partitionStable(const int *in, int *out) {
  __shared__ int evens[8];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32, v = in[t];
  const bool even = v % 2 == 0;
  const unsigned votes = __ballot_sync(~0u, even);
  if (lane == 0) evens[warp] = __popc(votes);
  __syncthreads();
  int before = 0, all = 0;
  for (int w = 0; w < 8; ++w) {
    before += w < warp ? evens[w] : 0;
    all += evens[w];
  }
  before += __popc(votes & ((1u << lane) - 1));
  out[even ? before : all + t - before] = v;
}

// Runs of equal bytes: heads are found by comparing with the neighbour, their places by a scan of ballots; the lengths
// from the distance of the heads.
__global__ void runLengths(const unsigned char *in, unsigned char *symbols, int *starts, int *count, int n) {
  __shared__ int totals[32];
  __shared__ int base;
  const int t = threadIdx.x, lane = t % 32, warp = t / 32;
  if (t == 0) base = 0;
  __syncthreads();
  for (int first = 0; first < n; first += blockDim.x) {
    const int i = first + t;
    const bool head = i < n && (i == 0 || in[i] != in[i - 1]);
    const unsigned heads = __ballot_sync(~0u, head);
    if (lane == 0) totals[warp] = __popc(heads);
    __syncthreads();
    int at = base, sum = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) {
      at += w < warp ? totals[w] : 0;
      sum += totals[w];
    }
    at += __popc(heads & ((1u << lane) - 1));
    if (head) symbols[at] = in[i], starts[at] = i;
    __syncthreads();
    if (t == 0) base += sum;
    __syncthreads();
  }
  if (t == 0) *count = base, starts[base] = n;
}

// For each query the first place whose key is not less: binary search without branches.
__global__ void lowerBound(const float *keys, int n, const float *queries, int *out, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  int at = 0;
  for (int step = 512; step > 0; step /= 2)
    at += at + step <= n && keys[at + step - 1] < queries[i] ? step : 0;
  out[i] = at;
}

// Rows of different lengths spread over the threads: every thread finds the row of its element.
__global__ void expand(const int *starts, int rows, int *owner, int total) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= total) return;
  int low = 0, high = rows;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (starts[middle] <= i) low = middle;
    else high = middle;
  }
  owner[i] = low;
}
}
