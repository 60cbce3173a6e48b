// Four bytes or two halfwords in a word: the SIMD functions of CUDA, dp4a and dp2a, saturation, comparisons.
extern "C" {

__global__ void bytes(const unsigned *a, const unsigned *b, unsigned *out) {
  const int t = threadIdx.x;
  const unsigned x = a[t], y = b[t];
  unsigned *o = out + 20 * t;
  o[0] = __vadd4(x, y), o[1] = __vsub4(x, y), o[2] = __vaddss4(x, y), o[3] = __vaddus4(x, y), o[4] = __vsubss4(x, y);
  o[5] = __vsubus4(x, y), o[6] = __vavgs4(x, y), o[7] = __vavgu4(x, y), o[8] = __vabs4(x), o[9] = __vabsdiffu4(x, y);
  o[10] = __vmaxs4(x, y), o[11] = __vmaxu4(x, y), o[12] = __vmins4(x, y), o[13] = __vminu4(x, y), o[14] = __vneg4(x);
  o[15] = __vcmpeq4(x, y & 0xffffff00u), o[16] = __vcmpgtu4(x, y), o[17] = __vcmplts4(x, y), o[18] = __vsadu4(x, y);
  o[19] = __vhaddu4(x, y);
}

__global__ void halfwords(const unsigned *a, const unsigned *b, unsigned *out) {
  const int t = threadIdx.x;
  const unsigned x = a[t], y = b[t];
  unsigned *o = out + 12 * t;
  o[0] = __vadd2(x, y), o[1] = __vsub2(x, y), o[2] = __vaddss2(x, y), o[3] = __vsubus2(x, y), o[4] = __vmaxs2(x, y);
  o[5] = __vminu2(x, y), o[6] = __vabsdiffs2(x, y), o[7] = __vcmpges2(x, y), o[8] = __vsads2(x, y), o[9] = __vabsss2(x);
  o[10] = __vavgs2(x, y), o[11] = __vnegss2(x);
}

__global__ void dots(const int *a, const int *b, int *out) {
  const int t = threadIdx.x, x = a[t], y = b[t];
  int *o = out + 6 * t;
  o[0] = __dp4a(x, y, 7), o[1] = (int)__dp4a((unsigned)x, (unsigned)y, 7u), o[2] = __dp2a_lo(x, y, -3);
  o[3] = __dp2a_hi(x, y, -3), o[4] = (int)__dp2a_lo((unsigned)x, (unsigned)y, 1u), o[5] = __mul24(x, y) + __mulhi(x, y);
}

// An INT8 product by dp4a, tiles in shared memory: 16×16 a block.
__global__ void productDp4a(const int *a, const int *b, int *c, int words, int columns) {
  __shared__ int ta[16][17], tb[16][17];
  const int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.y * 16, column = blockIdx.x * 16;
  int sum = 0;
  for (int k = 0; k < words; k += 16) {
    ta[ty][tx] = a[(row + ty) * words + k + tx];
    tb[ty][tx] = b[(column + ty) * words + k + tx];
    __syncthreads();
    for (int i = 0; i < 16; ++i) sum = __dp4a(ta[ty][i], tb[tx][i], sum);
    __syncthreads();
  }
  c[(row + ty) * columns + column + tx] = sum;
}
}
