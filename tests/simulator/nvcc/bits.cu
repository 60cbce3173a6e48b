// Bits: counts, reversal, searches, permutations of bytes, funnel shifts, bit fields, population of long rows, Gray and
// Morton codes, lop3 by operators.
extern "C" {

__global__ void words(const unsigned *in, unsigned *out) {
  const int t = threadIdx.x;
  const unsigned x = in[t], y = in[(t + 1) % blockDim.x];
  unsigned *o = out + 16 * t;
  o[0] = __popc(x), o[1] = __brev(x), o[2] = __clz((int)x), o[3] = __ffs((int)x), o[4] = __byte_perm(x, y, t * 0x1111u + 0x0246u);
  o[5] = __funnelshift_l(x, y, t), o[6] = __funnelshift_r(x, y, t), o[7] = __funnelshift_lc(x, y, t);
  o[8] = __funnelshift_rc(x, y, t), o[9] = (x & y) | (~x & (y >> 3)), o[10] = x ^ x >> 1, o[11] = __byte_perm(x, 0, 0x0123);
  o[12] = (x << (t & 31)) | x >> (-t & 31), o[13] = __uhadd(x, y), o[14] = __urhadd(x, y), o[15] = __usad(x, y, 5);
}

__global__ void longWords(const unsigned long long *in, unsigned long long *out) {
  const int t = threadIdx.x;
  const unsigned long long x = in[t];
  unsigned long long *o = out + 6 * t;
  o[0] = __popcll(x), o[1] = __brevll(x), o[2] = __clzll((long long)x), o[3] = __ffsll((long long)x);
  o[4] = x >> (t & 63) | x << (-t & 63), o[5] = (x & -x) ^ (x & (x - 1));
}

// Fields of any place and width, signed and unsigned, by inline PTX.
__global__ void fields(const int *in, int *out) {
  const int t = threadIdx.x, x = in[t], at = t % 40, length = t % 35;
  unsigned u;
  int s, inserted, found;
  asm("bfe.u32 %0, %1, %2, %3;" : "=r"(u) : "r"(x), "r"(at), "r"(length));
  asm("bfe.s32 %0, %1, %2, %3;" : "=r"(s) : "r"(x), "r"(at), "r"(length));
  asm("bfi.b32 %0, %1, %2, %3, %4;" : "=r"(inserted) : "r"(0x5a5a5a5a), "r"(x), "r"(at), "r"(length));
  asm("bfind.s32 %0, %1;" : "=r"(found) : "r"(x));
  out[4 * t] = (int)u, out[4 * t + 1] = s, out[4 * t + 2] = inserted, out[4 * t + 3] = found;
}

// Morton codes of three coordinates there and back.
__global__ void morton(const unsigned *in, unsigned *codes, unsigned *back) {
  const int t = threadIdx.x;
  auto spread = [](unsigned v) {
    v &= 0x3ff;
    v = (v | v << 16) & 0x030000ff, v = (v | v << 8) & 0x0300f00f, v = (v | v << 4) & 0x030c30c3;
    return (v | v << 2) & 0x09249249;
  };
  auto gather = [](unsigned v) {
    v &= 0x09249249;
    v = (v | v >> 2) & 0x030c30c3, v = (v | v >> 4) & 0x0300f00f, v = (v | v >> 8) & 0x030000ff;
    return (v | v >> 16) & 0x3ff;
  };
  const unsigned code = spread(in[3 * t]) | spread(in[3 * t + 1]) << 1 | spread(in[3 * t + 2]) << 2;
  codes[t] = code;
  back[3 * t] = gather(code), back[3 * t + 1] = gather(code >> 1), back[3 * t + 2] = gather(code >> 2);
}

// Primes below 32·words by a sieve of bits in shared memory.
__global__ void sieve(unsigned *out, int wordCount) {
  extern __shared__ unsigned composite[];
  const int limit = 32 * wordCount;
  for (int i = threadIdx.x; i < wordCount; i += blockDim.x) composite[i] = i == 0 ? 3u : 0u;
  __syncthreads();
  for (int p = 2; p * p < limit; ++p) {
    if (!(*(volatile unsigned *)&composite[p / 32] >> p % 32 & 1))
      for (int k = p * (p + (int)threadIdx.x); k < limit; k += p * blockDim.x) atomicOr(composite + k / 32, 1u << k % 32);
    __syncthreads();
  }
  for (int i = threadIdx.x; i < wordCount; i += blockDim.x) out[i] = ~composite[i];
}
}
