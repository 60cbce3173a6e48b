// cuda::barrier: arrive and wait in halves, producers and consumers, a completion function, arrive_and_drop, parities,
// cuda::memcpy_async that reports to a barrier.
#include <cuda/barrier>
#pragma nv_diag_suppress static_var_with_dynamic_init

using Barrier = cuda::barrier<cuda::thread_scope_block>;

namespace {
struct AddRound {
  int *rounds;
  __device__ void operator()() const { ++*rounds; }
};
} // namespace

extern "C" {

// Work that needs no neighbour between arrival and wait.
__global__ void split(const float *in, float *out, int rounds) {
  __shared__ Barrier bar;
  __shared__ float v[2][96];
  const int t = threadIdx.x;
  if (t == 0) init(&bar, blockDim.x);
  __syncthreads();
  float x = in[t];
  for (int r = 0; r < rounds; ++r) {
    v[r % 2][t] = x;
    auto token = bar.arrive();
    const float own = x * 0.5f;
    bar.wait(std::move(token));
    x = own + 0.25f * (v[r % 2][(t + 1) % 96] + v[r % 2][(t + 95) % 96]);
  }
  out[t] = x;
}

// One warp fills two buffers, three others use them; a pair of barriers a buffer.
__global__ void producerConsumer(const int *in, int *out, int tiles) {
  __shared__ Barrier full[2], empty[2];
  __shared__ int buffer[2][96];
  const int t = threadIdx.x, warp = t / 32;
  if (t < 2) init(&full[t], blockDim.x), init(&empty[t], blockDim.x);
  __syncthreads();
  if (warp == 0) {
    for (int i = 0; i < tiles; ++i) {
      empty[i % 2].arrive_and_wait();
      for (int k = t; k < 96; k += 32) buffer[i % 2][k] = in[i * 96 + k];
      (void)full[i % 2].arrive();
    }
  } else {
    (void)empty[0].arrive(), (void)empty[1].arrive();
    int sum = 0;
    for (int i = 0; i < tiles; ++i) {
      full[i % 2].arrive_and_wait();
      sum = sum * 5 + buffer[i % 2][t - 32];
      if (i + 2 < tiles) (void)empty[i % 2].arrive();
    }
    out[t - 32] = sum;
  }
}

// Threads leave one after the other; the rest goes on with fewer.
__global__ void dropOut(int *out) {
  __shared__ Barrier bar;
  __shared__ int count;
  if (threadIdx.x == 0) init(&bar, blockDim.x), count = 0;
  __syncthreads();
  for (int round = 0;; ++round) {
    if ((int)threadIdx.x / 8 == round) {
      bar.arrive_and_drop();
      return;
    }
    atomicAdd(&count, 1);
    bar.arrive_and_wait();
    if (threadIdx.x == blockDim.x - 1) out[round] = *(volatile int *)&count;
    bar.arrive_and_wait();
    if (round == (int)blockDim.x / 8 - 2) return;
  }
}

// Every phase ends with a function, run once.
__global__ void completion(int *out) {
  __shared__ int rounds;
  __shared__ cuda::barrier<cuda::thread_scope_block, AddRound> bar;
  if (threadIdx.x == 0) {
    rounds = 0;
    init(&bar, blockDim.x, AddRound{&rounds});
  }
  __syncthreads();
  int sum = 0;
  for (int r = 0; r < 5; ++r) {
    bar.arrive_and_wait();
    sum += *(volatile int *)&rounds;
    __syncthreads();
  }
  out[threadIdx.x] = sum;
}

// Copies by single threads and by the block, in flight until the barrier's phase is over.
__global__ void copies(const int4 *in, int4 *out, int tiles) {
  __shared__ Barrier bar[2];
  __shared__ alignas(16) int4 buffer[2][64];
  const int t = threadIdx.x;
  if (t < 2) init(&bar[t], blockDim.x);
  __syncthreads();
  const int4 *from = in + blockIdx.x * tiles * 64;
  auto fetch = [&](int i) {
    cuda::memcpy_async(&buffer[i % 2][t], from + i * 64 + t, cuda::aligned_size_t<16>(16), bar[i % 2]);
  };
  fetch(0);
  int4 sum = make_int4(0, 0, 0, 0);
  for (int i = 0; i < tiles; ++i) {
    if (i + 1 < tiles) fetch(i + 1);
    bar[i % 2].arrive_and_wait();
    const int4 v = buffer[i % 2][63 - t];
    sum = make_int4(sum.x + v.x, sum.y ^ v.y, max(sum.z, v.z), sum.w + i * v.w);
    __syncthreads();
  }
  out[blockIdx.x * 64 + t] = sum;
}

// Two warps in turns, each waiting by the parity of the other's phase.
__global__ void parities(int *out) {
  __shared__ Barrier ping, pong;
  __shared__ int turn;
  if (threadIdx.x == 0) init(&ping, 32), init(&pong, 32);
  __syncthreads();
  int seen = 0;
  for (int r = 0; r < 4; ++r) {
    if (threadIdx.x < 32) {
      if (threadIdx.x == 0) turn = r + 1;
      (void)ping.arrive();
      pong.wait_parity(r & 1);
    } else {
      ping.wait_parity(r & 1);
      seen = seen * 10 + turn;
      (void)pong.arrive();
    }
  }
  if (threadIdx.x >= 32) out[threadIdx.x - 32] = seen;
}
}
