// Attention without tensor cores: the plain three steps, the flash algorithm with an online softmax over tiles of keys,
// causal, and with grouped heads; a decode step split over the keys with a second pass that joins the parts.
#include <cuda_fp16.h>

namespace {
constexpr int width = 32; // of a head
}

extern "C" {

// A warp a query: scores in shared memory, softmax, sum of values.
__global__ void attentionPlain(const float *q, const float *k, const float *v, float *out, int keys, float scale) {
  extern __shared__ float scores[];
  const int row = blockIdx.x, lane = threadIdx.x;
  const float mine = q[row * width + lane];
  float top = -INFINITY;
  for (int key = 0; key < keys; ++key) {
    float dot = mine * k[key * width + lane];
    for (int s = 16; s > 0; s /= 2) dot += __shfl_xor_sync(~0u, dot, s);
    if (lane == 0) scores[key] = dot * scale;
    top = fmaxf(top, dot * scale);
  }
  __syncwarp();
  float sum = 0, result = 0;
  for (int key = 0; key < keys; ++key) {
    const float p = expf(scores[key] - top);
    sum += p;
    result += p * v[key * width + lane];
  }
  out[row * width + lane] = result / sum;
}

// Flash: a block takes 32 queries (a warp eight of them) and goes over tiles of 32 keys. Lane = key for the scores,
// lane = column for the output. Two query heads share a key head.
__global__ void __launch_bounds__(128) attentionFlash(const __half *q, const __half *k, const __half *v, float *out,
                                                      int queries, int keys, float scale, int causal) {
  __shared__ float tq[32][width + 1], tk[32][width + 1], tv[32][width];
  const int head = blockIdx.y, first = blockIdx.x * 32, t = threadIdx.x, warp = t / 32, lane = t % 32;
  q += head * queries * width, out += head * queries * width;
  k += head / 2 * keys * width, v += head / 2 * keys * width;
  for (int i = t; i < 32 * width; i += 128) {
    const int row = first + i / width;
    tq[i / width][i % width] = row < queries ? __half2float(q[row * width + i % width]) * scale : 0.0f;
  }
  float top[8], sum[8], acc[8];
  for (int r = 0; r < 8; ++r) top[r] = -INFINITY, sum[r] = acc[r] = 0;
  const int last = causal ? min(keys, first + 32) : keys;
  for (int start = 0; start < last; start += 32) {
    __syncthreads();
    for (int i = t; i < 32 * width; i += 128) {
      const int key = start + i / width;
      tk[i / width][i % width] = key < keys ? __half2float(k[key * width + i % width]) : 0.0f;
      tv[i / width][i % width] = key < keys ? __half2float(v[key * width + i % width]) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < 8; ++r) {
      const int row = warp * 8 + r, key = start + lane;
      float s = 0;
      for (int d = 0; d < width; ++d) s = fmaf(tq[row][d], tk[lane][d], s);
      if (key >= keys || (causal && key > first + row)) s = -INFINITY;
      float m = s;
      for (int x = 16; x > 0; x /= 2) m = fmaxf(m, __shfl_xor_sync(~0u, m, x));
      m = fmaxf(m, top[r]);
      const float p = __expf(s - m), correction = __expf(top[r] - m);
      float total = p;
      for (int x = 16; x > 0; x /= 2) total += __shfl_xor_sync(~0u, total, x);
      top[r] = m, sum[r] = sum[r] * correction + total;
      float o = acc[r] * correction;
      for (int j = 0; j < 32; ++j) o = fmaf(__shfl_sync(~0u, p, j), tv[j][lane], o);
      acc[r] = o;
    }
  }
  for (int r = 0; r < 8; ++r) {
    const int row = first + warp * 8 + r;
    if (row < queries) out[row * width + lane] = acc[r] / sum[r];
  }
}

// One query against many keys: each block a part of them, leaves its maximum, sum and weighted values.
__global__ void decodePart(const float *q, const float *k, const float *v, float *parts, int keys, int each) {
  const int lane = threadIdx.x, first = blockIdx.x * each, last = min(first + each, keys);
  float top = -1e30f, sum = 0, acc = 0;
  for (int key = first; key < last; ++key) {
    float dot = q[lane] * k[key * width + lane];
    for (int s = 16; s > 0; s /= 2) dot += __shfl_xor_sync(~0u, dot, s);
    const float m = fmaxf(top, dot), c = expf(top - m), p = expf(dot - m);
    acc = acc * c + p * v[key * width + lane], sum = sum * c + p, top = m;
  }
  float *mine = parts + blockIdx.x * (width + 2);
  mine[lane] = acc;
  if (lane == 0) mine[width] = top, mine[width + 1] = sum;
}
__global__ void decodeJoin(const float *parts, float *out, int count) {
  const int lane = threadIdx.x;
  float top = -1e30f, sum = 0, acc = 0;
  for (int i = 0; i < count; ++i) top = fmaxf(top, parts[i * (width + 2) + width]);
  for (int i = 0; i < count; ++i) {
    const float *part = parts + i * (width + 2), c = expf(part[width] - top);
    acc += part[lane] * c, sum += part[width + 1] * c;
  }
  out[lane] = acc / sum;
}
}
