// Sorting: a bitonic network, radix sort by match and by ballot, merge path, odd-even transposition by shuffles.
extern "C" {

// 512 keys with values in shared memory.
__global__ void bitonic(float *keys, int *values) {
  __shared__ float k[512];
  __shared__ int v[512];
  const int t = threadIdx.x;
  for (int i = t; i < 512; i += 256) k[i] = keys[i], v[i] = values[i];
  for (int size = 2; size <= 512; size *= 2)
    for (int stride = size / 2; stride > 0; stride /= 2) {
      __syncthreads();
      const int i = 2 * t - (t & (stride - 1)), j = i + stride;
      const bool up = (i & size) == 0;
      if ((k[i] > k[j]) == up) {
        const float key = k[i];
        k[i] = k[j], k[j] = key;
        const int value = v[i];
        v[i] = v[j], v[j] = value;
      }
    }
  __syncthreads();
  for (int i = t; i < 512; i += 256) keys[i] = k[i], values[i] = v[i];
}

// A block sorts 256 keys by digits of 4 bits; ranks inside a warp by __match_any_sync.
__global__ void radixMatch(unsigned *keys) {
  __shared__ unsigned counts[16][8], buffer[256];
  const int t = threadIdx.x, lane = t % 32, warp = t / 32;
  unsigned key = keys[blockIdx.x * 256 + t];
  for (int shift = 0; shift < 32; shift += 4) {
    const unsigned digit = key >> shift & 15;
    if (t < 128) counts[t / 8][t % 8] = 0;
    __syncthreads();
    const unsigned peers = __match_any_sync(~0u, digit);
    const unsigned rank = __popc(peers & ((1u << lane) - 1));
    if (rank == 0) counts[digit][warp] = __popc(peers);
    __syncthreads();
    if (warp == 0) {
      // 128 counts, four a lane, digit by digit and in it warp by warp.
      unsigned *flat = &counts[0][0];
      unsigned mine[4], sum = 0;
      for (int e = 0; e < 4; ++e) mine[e] = sum, sum += flat[4 * lane + e];
      unsigned up = sum;
      for (int s = 1; s < 32; s *= 2) {
        const unsigned other = __shfl_up_sync(~0u, up, s);
        if (lane >= s) up += other;
      }
      for (int e = 0; e < 4; ++e) flat[4 * lane + e] = up - sum + mine[e];
    }
    __syncthreads();
    buffer[counts[digit][warp] + rank] = key;
    __syncthreads();
    key = buffer[t];
    __syncthreads();
  }
  keys[blockIdx.x * 256 + t] = key;
}

// One warp sorts 32 signed keys bit by bit with ballots; stable, so the low bits stay sorted.
__global__ void radixBallot(int *keys) {
  const int lane = threadIdx.x % 32, at = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned key = (unsigned)keys[at] ^ 0x80000000u;
  for (int bit = 0; bit < 32; ++bit) {
    const unsigned ones = __ballot_sync(~0u, key >> bit & 1), below = (1u << lane) - 1;
    const int place = key >> bit & 1 ? 32 - __popc(ones) + __popc(ones & below) : __popc(~ones & below);
    // The lane that gets PLACE must read from this one.
    unsigned from = 0;
    for (int k = 0; k < 32; ++k)
      if (__shfl_sync(~0u, place, k) == lane) from = k;
    key = __shfl_sync(~0u, key, from);
  }
  keys[at] = (int)(key ^ 0x80000000u);
}

// Merges two sorted lists: every thread finds its diagonal's split by binary search and merges eight elements.
__global__ void mergePath(const int *a, int na, const int *b, int nb, int *out) {
  const int first = (blockIdx.x * blockDim.x + threadIdx.x) * 8, total = na + nb;
  if (first >= total) return;
  int low = max(0, first - nb), high = min(first, na);
  while (low < high) {
    const int middle = (low + high) / 2;
    if (a[middle] <= b[first - 1 - middle]) low = middle + 1;
    else high = middle;
  }
  int i = low, j = first - low;
  for (int k = first; k < min(first + 8, total); ++k)
    out[k] = j >= nb || (i < na && a[i] <= b[j]) ? a[i++] : b[j++];
}

// Odd-even transposition of a warp's values, neighbours by __shfl_sync.
__global__ void oddEven(short *v) {
  const int lane = threadIdx.x;
  short mine = v[lane];
  for (int round = 0; round < 32; ++round) {
    const int partner = (lane + round) % 2 == 0 ? lane + 1 : lane - 1;
    const short other = (short)__shfl_sync(~0u, mine, partner & 31);
    if (partner >= 0 && partner < 32) mine = partner > lane ? min(mine, other) : max(mine, other);
  }
  v[lane] = mine;
}
}
