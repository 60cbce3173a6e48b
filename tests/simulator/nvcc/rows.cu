// What transformers do to rows: softmax (two passes and online), layer norm, RMS norm, rotary embedding, top-k, GELU.
#include <cuda_fp16.h>
extern "C" {

// Softmax, one warp a row.
__global__ void softmaxRows(const float *in, float *out, int columns) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  const float *x = in + row * columns;
  float top = -INFINITY, sum = 0;
  for (int i = lane; i < columns; i += 32) top = fmaxf(top, x[i]);
  for (int k = 16; k > 0; k /= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
  for (int i = lane; i < columns; i += 32) sum += expf(x[i] - top);
  for (int k = 16; k > 0; k /= 2) sum += __shfl_xor_sync(~0u, sum, k);
  for (int i = lane; i < columns; i += 32) out[row * columns + i] = expf(x[i] - top) / sum;
}

// The same in one pass: a running maximum with a sum that is rescaled; halves in and out; a block a row.
__global__ void softmaxOnline(const __half *in, __half *out, int columns) {
  __shared__ float2 parts[4];
  const __half *x = in + blockIdx.x * columns;
  float top = -1e30f, sum = 0;
  auto join = [&](float otherTop, float otherSum) {
    const float t = fmaxf(top, otherTop);
    sum = sum * __expf(top - t) + otherSum * __expf(otherTop - t);
    top = t;
  };
  for (int i = threadIdx.x; i < columns; i += 128) join(__half2float(x[i]), 1);
  for (int k = 16; k > 0; k /= 2) {
    const float t = __shfl_xor_sync(~0u, top, k), s = __shfl_xor_sync(~0u, sum, k);
    join(t, s);
  }
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = make_float2(top, sum);
  __syncthreads();
  top = -1e30f, sum = 0;
  for (int w = 0; w < 4; ++w) join(parts[w].x, parts[w].y);
  for (int i = threadIdx.x; i < columns; i += 128)
    out[blockIdx.x * columns + i] = __float2half(__expf(__half2float(x[i]) - top) / sum);
}

// Layer norm with Welford's sums, combined across the warp by Chan's formula; four columns a lane at once.
__global__ void layerNorm(const float4 *in, const float4 *gain, const float4 *bias, float4 *out, int columns4) {
  const int row = blockIdx.x * blockDim.y + threadIdx.y, lane = threadIdx.x;
  const float4 *x = in + row * columns4;
  float mean = 0, spread = 0, count = 0;
  auto push = [&](float v) {
    count += 1;
    const float delta = v - mean;
    mean += delta / count;
    spread += delta * (v - mean);
  };
  for (int i = lane; i < columns4; i += 32) push(x[i].x), push(x[i].y), push(x[i].z), push(x[i].w);
  for (int k = 16; k > 0; k /= 2) {
    const float m = __shfl_xor_sync(~0u, mean, k), s = __shfl_xor_sync(~0u, spread, k),
                n = __shfl_xor_sync(~0u, count, k);
    const float all = count + n, delta = m - mean;
    if (all > 0) mean += delta * n / all, spread += s + delta * delta * count * n / all;
    count = all;
  }
  mean = __shfl_sync(~0u, mean, 0), spread = __shfl_sync(~0u, spread, 0);
  const float scale = rsqrtf(spread / count + 1e-5f);
  for (int i = lane; i < columns4; i += 32) {
    const float4 v = x[i], g = gain[i], b = bias[i];
    out[row * columns4 + i] = make_float4((v.x - mean) * scale * g.x + b.x, (v.y - mean) * scale * g.y + b.y,
                                          (v.z - mean) * scale * g.z + b.z, (v.w - mean) * scale * g.w + b.w);
  }
}

// Root-mean-square norm in pairs of halves, sums in float.
__global__ void rmsNorm(const __half2 *in, __half2 *out, int pairs) {
  const __half2 *x = in + blockIdx.x * pairs;
  float sum = 0;
  for (int i = threadIdx.x; i < pairs; i += 32) {
    const float2 v = __half22float2(x[i]);
    sum = fmaf(v.x, v.x, fmaf(v.y, v.y, sum));
  }
  for (int k = 1; k < 32; k *= 2) sum += __shfl_xor_sync(~0u, sum, k);
  const __half2 scale = __float2half2_rn(rsqrtf(sum / (2 * pairs)));
  for (int i = threadIdx.x; i < pairs; i += 32) out[blockIdx.x * pairs + i] = __hmul2(x[i], scale);
}

// Rotary position embedding: pairs turned by an angle that depends on position and column.
__global__ void rotary(float2 *x, int pairs) {
  const int position = blockIdx.x, i = threadIdx.x;
  float s, c;
  sincosf(position * powf(10000.0f, -(float)i / pairs), &s, &c);
  const float2 v = x[position * pairs + i];
  x[position * pairs + i] = make_float2(v.x * c - v.y * s, v.x * s + v.y * c);
}

// The four greatest of a row, in order, with their columns: a private list a lane, merged in rounds by the warp.
__global__ void topFour(const float *in, float *values, int *places, int columns) {
  const float *x = in + blockIdx.x * columns;
  float best[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  int where[4] = {-1, -1, -1, -1};
  for (int i = threadIdx.x; i < columns; i += 32) {
    float v = x[i];
    int p = i;
#pragma unroll
    for (int k = 0; k < 4; ++k)
      if (v > best[k]) {
        const float b = best[k];
        const int w = where[k];
        best[k] = v, where[k] = p, v = b, p = w;
      }
  }
  int head = 0;
  for (int r = 0; r < 4; ++r) {
    const float mine = head < 4 ? best[head] : -INFINITY;
    float top = mine;
    for (int k = 16; k > 0; k /= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, k));
    const unsigned winners = __ballot_sync(~0u, mine == top);
    if (__ffs(winners) - 1 == threadIdx.x) {
      values[blockIdx.x * 4 + r] = top, places[blockIdx.x * 4 + r] = where[head];
      ++head;
    }
  }
}

// GELU, exact and by tanh, and SiLU.
__global__ void activations(const float *x, float *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float v = x[i];
  out[3 * i] = 0.5f * v * (1 + erff(v * 0.70710678f));
  out[3 * i + 1] = 0.5f * v * (1 + tanhf(0.79788456f * (v + 0.044715f * v * v * v)));
  out[3 * i + 2] = v / (1 + __expf(-v));
}
}
