// Random numbers: Philox with ten rounds, xorshift, a linear congruence that jumps ahead, Box and Muller, pi by darts,
// a shuffle in parallel.
namespace {

__device__ uint4 philox(uint4 c, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const unsigned h0 = __umulhi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x;
    const unsigned h1 = __umulhi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z;
    c = make_uint4(h1 ^ c.y ^ key.x, l1, h0 ^ c.w ^ key.y, l0);
    key.x += 0x9E3779B9u, key.y += 0xBB67AE85u;
  }
  return c;
}

} // namespace

extern "C" {

__global__ void philoxNumbers(uint4 *out, unsigned long long seed) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = philox(make_uint4(i, 0, 7, i * i), make_uint2((unsigned)seed, (unsigned)(seed >> 32)));
}

// Normal numbers, two from each pair of words.
__global__ void gauss(float2 *out, unsigned long long seed) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const uint4 r = philox(make_uint4(i, 0, 0, 0), make_uint2((unsigned)seed, (unsigned)(seed >> 32)));
  const float u = (r.x + 0.5f) * 0x1p-32f, radius = sqrtf(-2 * logf(u));
  float s, c;
  sincospif(2 * (float)(r.y >> 8) * 0x1p-24f, &s, &c);
  out[i] = make_float2(radius * c, radius * s);
}

__global__ void xorshift(unsigned long long *states, int steps) {
  unsigned long long s = states[threadIdx.x];
  for (int i = 0; i < steps; ++i) {
    s ^= s >> 12, s ^= s << 25, s ^= s >> 27;
  }
  states[threadIdx.x] = s * 2685821657736338717ull;
}

// The n-th number of a congruence, in log n steps.
__global__ void jumpAhead(unsigned long long *out, unsigned long long seed) {
  unsigned long long a = 6364136223846793005ull, c = 1442695040888963407ull, at = 1, ct = 0;
  for (unsigned n = threadIdx.x * 1000; n > 0; n >>= 1) {
    if (n & 1) at *= a, ct = ct * a + c;
    c *= a + 1, a *= a;
  }
  out[threadIdx.x] = seed * at + ct;
}

__global__ void darts(unsigned *hits, int each) {
  unsigned state = (blockIdx.x * blockDim.x + threadIdx.x) * 747796405u + 2891336453u, count = 0;
  for (int i = 0; i < each; ++i) {
    state = state * 1664525u + 1013904223u;
    const unsigned x = state >> 16;
    state = state * 1664525u + 1013904223u;
    const unsigned y = state >> 16;
    count += x * x + y * y < 0xffffffffu && (unsigned long long)x * x + (unsigned long long)y * y < 1ull << 32;
  }
  count = __reduce_add_sync(~0u, count);
  if (threadIdx.x % 32 == 0) atomicAdd(hits, count);
}
}
