// cuda::atomic and atomic_ref in all scopes and orders, on integers, floats and small types; fences; latches and
// semaphores made of them.
#include <cuda/atomic>
#include <cuda/semaphore>
#include <cuda/latch>
#pragma nv_diag_suppress static_var_with_dynamic_init

extern "C" {

__global__ void operations(const int *in, int *words, unsigned long long *wide, float *real, double *realWide) {
  const int v = in[blockIdx.x * blockDim.x + threadIdx.x];
  cuda::atomic_ref<int, cuda::thread_scope_device> sum(words[0]);
  sum.fetch_add(v, cuda::memory_order_relaxed);
  cuda::atomic_ref<int, cuda::thread_scope_system>(words[1]).fetch_sub(v, cuda::memory_order_acq_rel);
  cuda::atomic_ref<int, cuda::thread_scope_device>(words[2]).fetch_or(v, cuda::memory_order_release);
  cuda::atomic_ref<int, cuda::thread_scope_device>(words[3]).fetch_and(v, cuda::memory_order_acquire);
  cuda::atomic_ref<int, cuda::thread_scope_device>(words[4]).fetch_xor(v);
  cuda::atomic_ref<int, cuda::thread_scope_device>(words[5]).fetch_max(v, cuda::memory_order_relaxed);
  cuda::atomic_ref<int, cuda::thread_scope_device>(words[6]).fetch_min(v, cuda::memory_order_relaxed);
  cuda::atomic_ref<unsigned long long, cuda::thread_scope_device>(*wide).fetch_add((unsigned)v * 3ull);
  cuda::atomic_ref<float, cuda::thread_scope_device>(*real).fetch_add((float)v, cuda::memory_order_relaxed);
  cuda::atomic_ref<double, cuda::thread_scope_device>(*realWide).fetch_add((double)v, cuda::memory_order_relaxed);
}

// Types below a word, and read-modify-write loops by compare_exchange.
__global__ void small(const int *in, unsigned char *bytes, short *shorts, float *product) {
  const int v = in[threadIdx.x];
  cuda::atomic_ref<unsigned char, cuda::thread_scope_block>(bytes[threadIdx.x % 3]).fetch_add(1);
  cuda::atomic_ref<short, cuda::thread_scope_device>(shorts[threadIdx.x % 2]).fetch_max((short)v);
  cuda::atomic_ref<float, cuda::thread_scope_device> p(*product);
  float seen = p.load(cuda::memory_order_relaxed);
  while (!p.compare_exchange_weak(seen, seen * (v % 2 ? 2.0f : 0.5f), cuda::memory_order_acq_rel)) {}
}

// A message from each block to the next: plain data, a flag with release and acquire.
__global__ void messages(int *data, int *flags, int *out) {
  cuda::atomic_ref<int, cuda::thread_scope_device> mine(flags[blockIdx.x]), before(flags[(blockIdx.x + gridDim.x - 1) % gridDim.x]);
  const int t = threadIdx.x;
  data[blockIdx.x * blockDim.x + t] = (int)blockIdx.x * 1000 + t;
  __syncthreads();
  if (t == 0) mine.store(1, cuda::memory_order_release);
  if (t == 0)
    while (before.load(cuda::memory_order_acquire) == 0) {}
  __syncthreads();
  out[blockIdx.x * blockDim.x + t] = data[(blockIdx.x + gridDim.x - 1) % gridDim.x * blockDim.x + blockDim.x - 1 - t];
}

// The same with relaxed flags and fences around them; within a block, between its warps.
__global__ void fences(int *out) {
  __shared__ int data[4];
  __shared__ cuda::atomic<int, cuda::thread_scope_block> flag;
  if (threadIdx.x == 0) flag.store(0, cuda::memory_order_relaxed);
  __syncthreads();
  const int warp = threadIdx.x / 32;
  if (threadIdx.x % 32 == 0) {
    while (flag.load(cuda::memory_order_relaxed) != warp) {}
    cuda::atomic_thread_fence(cuda::memory_order_acquire, cuda::thread_scope_block);
    data[warp] = warp == 0 ? 7 : data[warp - 1] * 3 + warp;
    cuda::atomic_thread_fence(cuda::memory_order_release, cuda::thread_scope_block);
    flag.store(warp + 1, cuda::memory_order_relaxed);
  }
  __syncthreads();
  if (threadIdx.x == 0) *out = data[3];
}

// Waiting and notifying; a latch for the block; at most two in a section at a time.
__global__ void waiting(int *out) {
  __shared__ cuda::atomic<int, cuda::thread_scope_block> stage, inside, most;
  __shared__ alignas(16) unsigned char latchBytes[sizeof(cuda::latch<cuda::thread_scope_block>)];
  __shared__ alignas(16) unsigned char roomBytes[sizeof(cuda::counting_semaphore<cuda::thread_scope_block, 2>)];
  auto &done = *(cuda::latch<cuda::thread_scope_block> *)latchBytes;
  auto &room = *(cuda::counting_semaphore<cuda::thread_scope_block, 2> *)roomBytes;
  if (threadIdx.x == 0) {
    stage.store(0), inside.store(0), most.store(0);
    new (&done) cuda::latch<cuda::thread_scope_block>(blockDim.x);
    new (&room) cuda::counting_semaphore<cuda::thread_scope_block, 2>(2);
  }
  __syncthreads();
  if (threadIdx.x == 40) {
    stage.store(5, cuda::memory_order_release);
    stage.notify_all();
  }
  stage.wait(0, cuda::memory_order_acquire);
  room.acquire();
  most.fetch_max(inside.fetch_add(1) + 1);
  inside.fetch_sub(1);
  room.release();
  done.arrive_and_wait();
  if (threadIdx.x == 0) out[0] = stage.load(), out[1] = most.load() <= 2 && most.load() >= 1, out[2] = inside.load();
}
}
