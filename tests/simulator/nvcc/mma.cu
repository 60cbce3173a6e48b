// mma.sync by inline PTX in every type, one warp a tile. Fragments as in the PTX ISA manual (§9.7.14.5): lane l has group
// g = l / 4 and place t = l % 4 in it; a register holds neighbours along k. A is row by row, B column by column, both
// packed along k, so that a register is one aligned load.
namespace {

// Loads a fragment word: row r of a matrix with STRIDE words a row, word w.
__device__ unsigned word(const unsigned *m, int stride, int r, int w) { return m[r * stride + w]; }

template <class T> __device__ void storeTile(T *c, int n, int g, int t, const T *d) {
  c[g * n + 2 * t] = d[0], c[g * n + 2 * t + 1] = d[1];
  c[(g + 8) * n + 2 * t] = d[2], c[(g + 8) * n + 2 * t + 1] = d[3];
}

struct Lane {
  int g = threadIdx.x / 4, t = threadIdx.x % 4;
};

} // namespace

// A tile of 16×8 with a k of eight words a row of A and four registers: the shape of all types but f64.
#define WIDE_PRODUCT(name, instruction, out, constraint)                                                               \
  extern "C" __global__ void name(const unsigned *a, const unsigned *b, out *c, int steps) {                           \
    const Lane l;                                                                                                      \
    const int stride = 8 * steps;                                                                                      \
    out d[4] = {};                                                                                                     \
    for (int s = 0; s < steps; ++s) {                                                                                  \
      const unsigned a0 = word(a, stride, l.g, 8 * s + l.t), a1 = word(a, stride, l.g + 8, 8 * s + l.t);               \
      const unsigned a2 = word(a, stride, l.g, 8 * s + 4 + l.t), a3 = word(a, stride, l.g + 8, 8 * s + 4 + l.t);       \
      const unsigned b0 = word(b, stride, l.g, 8 * s + l.t), b1 = word(b, stride, l.g, 8 * s + 4 + l.t);               \
      asm volatile("mma.sync.aligned." instruction " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"            \
                   : "+" constraint(d[0]), "+" constraint(d[1]), "+" constraint(d[2]), "+" constraint(d[3])            \
                   : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));                                            \
    }                                                                                                                  \
    storeTile(c, 8, l.g, l.t, d);                                                                                      \
  }

WIDE_PRODUCT(mmaF16, "m16n8k16.row.col.f32.f16.f16.f32", float, "f")
WIDE_PRODUCT(mmaBf16, "m16n8k16.row.col.f32.bf16.bf16.f32", float, "f")
WIDE_PRODUCT(mmaTf32, "m16n8k8.row.col.f32.tf32.tf32.f32", float, "f")
WIDE_PRODUCT(mmaS8, "m16n8k32.row.col.s32.s8.s8.s32", int, "r")
WIDE_PRODUCT(mmaU8, "m16n8k32.row.col.s32.u8.u8.s32", int, "r")
WIDE_PRODUCT(mmaU8S8, "m16n8k32.row.col.satfinite.s32.u8.s8.s32", int, "r")
WIDE_PRODUCT(mmaS4, "m16n8k64.row.col.s32.s4.s4.s32", int, "r")
WIDE_PRODUCT(mmaU4, "m16n8k64.row.col.s32.u4.u4.s32", int, "r")
WIDE_PRODUCT(mmaBitXor, "m16n8k256.row.col.s32.b1.b1.s32.xor.popc", int, "r")
WIDE_PRODUCT(mmaBitAnd, "m16n8k256.row.col.s32.b1.b1.s32.and.popc", int, "r")
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 890
WIDE_PRODUCT(mmaE4m3, "m16n8k32.row.col.f32.e4m3.e4m3.f32", float, "f")
WIDE_PRODUCT(mmaE5m2E4m3, "m16n8k32.row.col.f32.e5m2.e4m3.f32", float, "f")
#endif

extern "C" {

// Half of the depth: two registers of A, one of B.
__global__ void mmaS8Short(const unsigned *a, const unsigned *b, int *c) {
  const Lane l;
  int d[4] = {1, 2, 3, 4};
  asm volatile("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(word(a, 4, l.g, l.t)), "r"(word(a, 4, l.g + 8, l.t)), "r"(word(b, 4, l.g, l.t)));
  storeTile(c, 8, l.g, l.t, d);
}

// Halves as accumulators, two a register.
__global__ void mmaF16Sums(const unsigned *a, const unsigned *b, unsigned *c) {
  const Lane l;
  unsigned d[2] = {0, 0};
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"
               : "+r"(d[0]), "+r"(d[1])
               : "r"(word(a, 8, l.g, l.t)), "r"(word(a, 8, l.g + 8, l.t)), "r"(word(a, 8, l.g, l.t + 4)),
                 "r"(word(a, 8, l.g + 8, l.t + 4)), "r"(word(b, 8, l.g, l.t)), "r"(word(b, 8, l.g, l.t + 4)));
  c[l.g * 4 + l.t] = d[0], c[(l.g + 8) * 4 + l.t] = d[1];
}

// Doubles: 8×8 with k 4, one element of A and of B a lane.
__global__ void mmaF64(const double *a, const double *b, double *c, int steps) {
  const Lane l;
  double d[2] = {0, 0};
  for (int s = 0; s < steps; ++s)
    asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+d"(d[0]), "+d"(d[1])
                 : "d"(a[l.g * 4 * steps + 4 * s + l.t]), "d"(b[l.g * 4 * steps + 4 * s + l.t]));
  c[l.g * 8 + 2 * l.t] = d[0], c[l.g * 8 + 2 * l.t + 1] = d[1];
}
}
