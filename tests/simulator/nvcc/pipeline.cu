// cuda::pipeline: of a thread and of a block, with stages, and with producers and consumers.
#include <cooperative_groups.h>

#include <cuda/pipeline>
#pragma nv_diag_suppress static_var_with_dynamic_init

namespace cg = cooperative_groups;

extern "C" {

// Every thread by itself, three stages.
__global__ void threadStages(const int4 *in, int4 *out, int tiles) {
  constexpr int stages = 3;
  __shared__ alignas(16) int4 buffer[stages][64];
  auto pipe = cuda::make_pipeline();
  const int t = threadIdx.x;
  const int4 *from = in + blockIdx.x * tiles * 64 + t;
  int next = 0;
  int4 sum = make_int4(0, 0, 0, 0);
  for (int i = 0; i < tiles; ++i) {
    for (; next < tiles && next < i + stages; ++next) {
      pipe.producer_acquire();
      cuda::memcpy_async(&buffer[next % stages][t], from + next * 64, cuda::aligned_size_t<16>(sizeof(int4)), pipe);
      pipe.producer_commit();
    }
    pipe.consumer_wait();
    const int4 v = buffer[i % stages][t];
    sum = make_int4(sum.x + v.x, sum.y - v.y, sum.z ^ v.z, sum.w + v.w * i);
    pipe.consumer_release();
  }
  out[blockIdx.x * 64 + t] = sum;
}

// The block together, two stages, its state in shared memory; neighbours read what others brought.
__global__ void blockStages(const float *in, float *out, int tiles) {
  constexpr int stages = 2;
  __shared__ alignas(16) float buffer[stages][128];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, stages> state;
  const auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline(block, &state);
  const int t = threadIdx.x;
  int next = 0;
  float sum = 0;
  for (int i = 0; i < tiles; ++i) {
    for (; next < tiles && next < i + stages; ++next) {
      pipe.producer_acquire();
      cuda::memcpy_async(block, buffer[next % stages], in + next * 128, cuda::aligned_size_t<16>(sizeof buffer[0]), pipe);
      pipe.producer_commit();
    }
    pipe.consumer_wait();
    sum += buffer[i % stages][127 - t] * (i + 1);
    pipe.consumer_release();
  }
  out[t] = sum;
}

// The first warp copies, the others compute.
__global__ void roles(const int *in, int *out, int tiles) {
  constexpr int stages = 2;
  __shared__ alignas(16) int buffer[stages][96];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, stages> state;
  const auto block = cg::this_thread_block();
  const bool producer = threadIdx.x < 32;
  auto pipe = cuda::make_pipeline(block, &state, producer ? cuda::pipeline_role::producer : cuda::pipeline_role::consumer);
  if (producer) {
    for (int i = 0; i < tiles; ++i) {
      pipe.producer_acquire();
      for (int k = threadIdx.x; k < 96; k += 32)
        cuda::memcpy_async(&buffer[i % stages][k], in + i * 96 + k, cuda::aligned_size_t<4>(4), pipe);
      pipe.producer_commit();
    }
  } else {
    int sum = 0;
    for (int i = 0; i < tiles; ++i) {
      pipe.consumer_wait();
      sum = 7 * sum + buffer[i % stages][(threadIdx.x + i) % 96];
      pipe.consumer_release();
    }
    out[threadIdx.x - 32] = sum;
  }
}
}
