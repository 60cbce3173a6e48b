// Histograms: atomics in shared memory, private bins a warp, aggregated atomics.
extern "C" {

__global__ void histogram(const unsigned char *in, unsigned *out, int n) {
  __shared__ unsigned bins[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) bins[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&bins[in[i]], 1u);
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&out[i], bins[i]);
}

// Sixteen bins a thread, packed in bytes, in shared memory; flushed before a byte can overflow.
__global__ void histogramPrivate(const uchar4 *in, unsigned *out, int n4) {
  __shared__ unsigned char bins[64][20]; // padded: a row a thread, 4-byte aligned
  unsigned char *mine = bins[threadIdx.x];
  for (int i = 0; i < 16; ++i) mine[i] = 0;
  int since = 0;
  auto flush = [&] {
    for (int i = 0; i < 16; ++i) {
      if (mine[i]) atomicAdd(out + i, (unsigned)mine[i]);
      mine[i] = 0;
    }
    since = 0;
  };
  for (int i = blockIdx.x * 64 + threadIdx.x; i < n4; i += gridDim.x * 64) {
    const uchar4 v = in[i];
    ++mine[v.x >> 4], ++mine[v.y >> 4], ++mine[v.z >> 4], ++mine[v.w >> 4];
    if (++since == 63) flush();
  }
  flush();
}

// One atomic for all lanes that found the same bin; also counts how often that was needed.
__global__ void histogramAggregated(const int *in, int *bins, int *atomics, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    const unsigned now = __activemask();
    const unsigned peers = __match_any_sync(now, in[i]);
    if (__ffs(peers) - 1 == (int)(threadIdx.x % 32)) {
      atomicAdd(bins + in[i], __popc(peers));
      atomicAdd(atomics, 1);
    }
  }
}

// Two-dimensional, of 16-bit samples, with saturation by compare-and-swap.
__global__ void histogramSaturating(const ushort2 *in, unsigned *bins, unsigned limit, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  unsigned *bin = bins + (in[i].y >> 13) * 8 + (in[i].x >> 13);
  unsigned seen = *(volatile unsigned *)bin;
  while (seen < limit) {
    const unsigned was = atomicCAS(bin, seen, seen + 1);
    if (was == seen) break;
    seen = was;
  }
}
}
