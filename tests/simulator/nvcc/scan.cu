// Prefix sums: Hillis and Steele, Blelloch, by warps, and across blocks in one pass with decoupled look-back.
extern "C" {

// Inclusive, a block of 256 integers (Hillis and Steele).
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

// Exclusive, two elements a thread, up-sweep and down-sweep (Blelloch), padded against bank conflicts.
__global__ void scanTree(const unsigned *in, unsigned *out) {
  __shared__ unsigned tree[512 + 16];
  const int t = threadIdx.x;
  auto at = [](int i) { return i + i / 32; };
  tree[at(2 * t)] = in[2 * t], tree[at(2 * t + 1)] = in[2 * t + 1];
  int offset = 1;
  for (int d = 256; d > 0; d /= 2, offset *= 2) {
    __syncthreads();
    if (t < d) tree[at(offset * (2 * t + 2) - 1)] += tree[at(offset * (2 * t + 1) - 1)];
  }
  if (t == 0) tree[at(511)] = 0;
  for (int d = 1; d < 512; d *= 2) {
    offset /= 2;
    __syncthreads();
    if (t < d) {
      const int left = at(offset * (2 * t + 1) - 1), right = at(offset * (2 * t + 2) - 1);
      const unsigned x = tree[left];
      tree[left] = tree[right];
      tree[right] += x;
    }
  }
  __syncthreads();
  out[2 * t] = tree[at(2 * t)], out[2 * t + 1] = tree[at(2 * t + 1)];
}

__device__ long long warpScan(long long v) {
  for (int k = 1; k < 32; k *= 2) {
    const long long other = __shfl_up_sync(~0u, v, k);
    if (threadIdx.x % 32 >= k) v += other;
  }
  return v;
}

// Inclusive 64-bit sums: warps by shuffles, then the warps' totals.
__global__ void scanWarps(const long long *in, long long *out) {
  __shared__ long long totals[32];
  const int t = threadIdx.x, warp = t / 32;
  const long long mine = warpScan(in[t]);
  if (t % 32 == 31) totals[warp] = mine;
  __syncthreads();
  if (warp == 0) {
    const long long sum = warpScan(t < blockDim.x / 32 ? totals[t] : 0);
    __syncwarp();
    totals[t] = sum;
  }
  __syncthreads();
  out[t] = mine + (warp > 0 ? totals[warp - 1] : 0);
}

// Segments: a sum starts anew where a head stands. Pairs of flag and value in one shuffle chain.
__global__ void scanSegments(const int *in, const int *heads, int *out) {
  int v = in[threadIdx.x], head = heads[threadIdx.x];
  for (int k = 1; k < 32; k *= 2) {
    const int other = __shfl_up_sync(~0u, v, k), otherHead = __shfl_up_sync(~0u, head, k);
    if (threadIdx.x % 32 >= k && !head) v += other, head = otherHead;
  }
  out[threadIdx.x] = v;
}

__device__ unsigned ticket;

__device__ unsigned long long loadAcquire(const unsigned long long *p) {
  unsigned long long v;
  asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
  return v;
}
__device__ void storeRelease(unsigned long long *p, unsigned long long v) {
  asm volatile("st.release.gpu.global.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
}

// One pass over many blocks. Each tile publishes first its own sum (state 1), then its prefix (state 2), and looks back
// over its predecessors, a warp of them at a time, until it finds a prefix.
__global__ void scanLookBack(const unsigned *in, unsigned *out, unsigned long long *states, int n) {
  __shared__ unsigned tile, sums[8], before;
  if (threadIdx.x == 0) tile = atomicAdd(&ticket, 1);
  __syncthreads();
  const int t = threadIdx.x, lane = t % 32, warp = t / 32, i = tile * 256 + t;
  unsigned v = i < n ? in[i] : 0;
  for (int k = 1; k < 32; k *= 2) {
    const unsigned other = __shfl_up_sync(~0u, v, k);
    if (lane >= k) v += other;
  }
  if (lane == 31) sums[warp] = v;
  __syncthreads();
  unsigned total = 0, mine = 0;
  for (int w = 0; w < 8; ++w) {
    if (w == warp) mine = total;
    total += sums[w];
  }
  if (warp == 0) {
    const unsigned long long sum = total;
    if (lane == 0) storeRelease(states + tile, (tile == 0 ? 2ull : 1ull) << 32 | sum);
    unsigned prefix = 0;
    for (int first = (int)tile - 32; tile > 0; first -= 32) {
      const int j = first + lane;
      unsigned long long s;
      do s = j >= 0 ? loadAcquire(states + j) : 2ull << 32;
      while (!__all_sync(~0u, s >> 32 != 0));
      const unsigned done = __ballot_sync(~0u, s >> 32 == 2);
      const int last = 31 - __clz(done);
      const unsigned part = __reduce_add_sync(~0u, lane >= last ? (unsigned)s : 0u);
      prefix += part;
      if (done) break;
    }
    if (lane == 0) {
      before = prefix;
      if (tile > 0) storeRelease(states + tile, 2ull << 32 | (prefix + total));
    }
  }
  __syncthreads();
  if (i < n) out[i] = before + mine + v;
}

// Flags between blocks: each adds to what the one before left.
__global__ void chain(volatile int *flags, int *sums) {
  if (threadIdx.x == 0) {
    if (blockIdx.x > 0) while (flags[blockIdx.x - 1] == 0) {}
    __threadfence();
    sums[blockIdx.x] = (blockIdx.x > 0 ? ((volatile int *)sums)[blockIdx.x - 1] : 0) + (int)blockIdx.x;
    __threadfence();
    flags[blockIdx.x] = 1;
  }
}
}
