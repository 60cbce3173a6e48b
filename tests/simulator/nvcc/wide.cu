// Integers wider than a register: __int128 arithmetic, carries by inline PTX, high products, 64-bit division, big sums.
using Int128 = __int128;
using UInt128 = unsigned __int128;

extern "C" {

// Each result is two words, the low one first.
__global__ void arithmetic128(const unsigned long long *in, unsigned long long *out) {
  const int t = threadIdx.x;
  const UInt128 a = (UInt128)in[4 * t] << 64 | in[4 * t + 1], b = (UInt128)in[4 * t + 2] << 64 | in[4 * t + 3];
  const UInt128 results[] = {a + b,      a - b,       a * b,           a / (b | 1),    a % (b | 1), a >> (t % 128),
                             a << t % 128, a ^ (b & ~a), (UInt128)(-(Int128)a / 7), (UInt128)((Int128)a >> 100)};
  for (int k = 0; k < 10; ++k) {
    out[20 * t + 2 * k] = (unsigned long long)results[k];
    out[20 * t + 2 * k + 1] = (unsigned long long)(results[k] >> 64);
  }
}

// 256-bit sums and 128×128 → 256-bit products with carry chains.
__global__ void carries(const unsigned *a, const unsigned *b, unsigned *sum, unsigned *product) {
  const int t = threadIdx.x;
  const unsigned *x = a + 8 * t, *y = b + 8 * t;
  unsigned s[8];
  asm("add.cc.u32 %0, %8, %16;\n\taddc.cc.u32 %1, %9, %17;\n\taddc.cc.u32 %2, %10, %18;\n\taddc.cc.u32 %3, %11, %19;\n\t"
      "addc.cc.u32 %4, %12, %20;\n\taddc.cc.u32 %5, %13, %21;\n\taddc.cc.u32 %6, %14, %22;\n\taddc.u32 %7, %15, %23;"
      : "=&r"(s[0]), "=&r"(s[1]), "=&r"(s[2]), "=&r"(s[3]), "=&r"(s[4]), "=&r"(s[5]), "=&r"(s[6]), "=&r"(s[7])
      : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7]), "r"(y[0]), "r"(y[1]),
        "r"(y[2]), "r"(y[3]), "r"(y[4]), "r"(y[5]), "r"(y[6]), "r"(y[7]));
  for (int k = 0; k < 8; ++k) sum[8 * t + k] = s[k];
  unsigned p[8] = {};
  for (int i = 0; i < 4; ++i) {
    unsigned high = 0;
    for (int j = 0; j < 4; ++j) {
      // p[i+j] += x[i]·y[j] + high, the new high word behind it.
      unsigned low;
      asm("mad.lo.cc.u32 %0, %2, %3, %4;\n\tmadc.hi.u32 %1, %2, %3, 0;"
          : "=&r"(low), "=&r"(s[0])
          : "r"(x[i]), "r"(y[j]), "r"(high));
      asm("add.cc.u32 %0, %2, %3;\n\taddc.u32 %1, %4, 0;" : "=&r"(p[i + j]), "=&r"(high) : "r"(low), "r"(p[i + j]), "r"(s[0]));
    }
    p[i + 4] = high;
  }
  for (int k = 0; k < 8; ++k) product[8 * t + k] = p[k];
}

__global__ void divisions(const long long *a, const long long *b, long long *out) {
  const int t = threadIdx.x;
  const long long x = a[t], y = b[t];
  out[8 * t] = x / y, out[8 * t + 1] = x % y;
  out[8 * t + 2] = (long long)((unsigned long long)x / (unsigned long long)y);
  out[8 * t + 3] = (long long)((unsigned long long)x % 1000003ull);
  out[8 * t + 4] = __mul64hi(x, y), out[8 * t + 5] = (long long)__umul64hi((unsigned long long)x, (unsigned long long)y);
  out[8 * t + 6] = (int)x / ((int)y | 1), out[8 * t + 7] = (short)x % ((short)y | 1);
}

// Powers modulo a 61-bit prime, square and multiply on 128-bit products.
__global__ void powers(const unsigned long long *base, const unsigned long long *exponent, unsigned long long *out) {
  const unsigned long long prime = (1ull << 61) - 1;
  unsigned long long b = base[threadIdx.x] % prime, r = 1;
  for (unsigned long long e = exponent[threadIdx.x]; e != 0; e >>= 1) {
    if (e & 1) r = (unsigned long long)((UInt128)r * b % prime);
    b = (unsigned long long)((UInt128)b * b % prime);
  }
  out[threadIdx.x] = r;
}
}
