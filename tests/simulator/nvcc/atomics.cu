// Atomic operations of every kind and width on global and shared memory, in the three scopes, and ones made by hand.
extern "C" {

__global__ void integers(const int *in, int *words, unsigned *more, unsigned long long *wide, long long *wideSigned) {
  const int v = in[blockIdx.x * blockDim.x + threadIdx.x];
  const unsigned bit = 1u << (v & 31);
  atomicAdd(words, v), atomicSub(words + 1, v), atomicMin(words + 2, v), atomicMax(words + 3, v);
  atomicAdd_block(words + 4, 1), atomicAdd_system(words + 5, 2);
  atomicMin(more, (unsigned)v), atomicMax(more + 1, (unsigned)v), atomicInc(more + 2, 99u), atomicDec(more + 3, 77u);
  atomicAnd(more + 4, ~bit), atomicOr(more + 5, bit), atomicXor(more + 6, bit);
  atomicAdd(wide, (unsigned long long)v), atomicMax(wide + 1, (unsigned long long)(unsigned)v << 20);
  atomicMin(wide + 2, (unsigned long long)(unsigned)v << 20), atomicAnd(wide + 3, ~(1ull << (v & 63)));
  atomicOr(wide + 4, 1ull << (v & 63)), atomicXor(wide + 5, (unsigned long long)v);
  atomicMin(wideSigned, (long long)v * v * v), atomicMax(wideSigned + 1, (long long)v * v * v);
}

__global__ void floats(const float *in, float *sum, double *wide) {
  const float v = in[blockIdx.x * blockDim.x + threadIdx.x];
  __shared__ float partial;
  __shared__ double widePartial;
  if (threadIdx.x == 0) partial = 0, widePartial = 0;
  __syncthreads();
  atomicAdd(&partial, v), atomicAdd(&widePartial, (double)v);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(sum, partial), atomicAdd(wide, widePartial);
}

// Who took which number: every ticket once. The old values come back.
__global__ void tickets(unsigned *next, int *taken) {
  const unsigned t = atomicAdd(next, 1);
  taken[t] = (int)(blockIdx.x * blockDim.x + threadIdx.x);
}

// A maximum of floats by compare-and-swap, a sum of 16-bit halves of words, an exchange chain.
__global__ void byHand(const float *in, unsigned *maximum, unsigned short *bins, int *chain) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned seen = *(volatile unsigned *)maximum;
  while (__uint_as_float(seen) < in[i]) {
    const unsigned was = atomicCAS(maximum, seen, __float_as_uint(in[i]));
    if (was == seen) break;
    seen = was;
  }
  unsigned short *bin = bins + (in[i] > 0);
  unsigned short old = *(volatile unsigned short *)bin, assumed;
  do {
    assumed = old;
    old = atomicCAS(bin, assumed, (unsigned short)(assumed + 1));
  } while (old != assumed);
  // Everyone hangs what it found onto its own place: a list of all.
  chain[1 + i] = atomicExch(chain, i);
}

// A queue in shared memory: half of the warps put, the others take, all by atomics.
__global__ void queue(const int *in, unsigned long long *sum, int each) {
  __shared__ int slots[64];
  __shared__ volatile int ready[64];
  __shared__ unsigned put, take;
  const int t = threadIdx.x;
  if (t < 64) ready[t] = 0;
  if (t == 0) put = take = 0;
  __syncthreads();
  const bool producer = t < blockDim.x / 2;
  for (int i = 0; i < each; ++i) {
    if (producer) {
      const unsigned at = atomicAdd(&put, 1), round = at / 64;
      while (ready[at % 64] != (int)(2 * round)) {}
      __threadfence_block();
      *(volatile int *)&slots[at % 64] = in[t * each + i];
      __threadfence_block();
      ready[at % 64] = (int)(2 * round + 1);
    } else {
      const unsigned at = atomicAdd(&take, 1), round = at / 64;
      while (ready[at % 64] != (int)(2 * round + 1)) {}
      __threadfence_block();
      const int v = *(volatile int *)&slots[at % 64];
      __threadfence_block();
      ready[at % 64] = (int)(2 * round + 2);
      atomicAdd(sum, (unsigned long long)v * (v + 1));
    }
  }
}
}
