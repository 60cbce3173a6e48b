// Clusters: distributed shared memory through cooperative groups and by PTX, remote atomics and barriers, copies from
// block to block, multicast.
#include <cooperative_groups.h>

namespace cg = cooperative_groups;

namespace {

struct alignas(64) TensorMap {
  unsigned char bytes[128];
};
__device__ unsigned sharedAddress(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ unsigned remote(unsigned address, unsigned rank) {
  unsigned r;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(r) : "r"(address), "r"(rank));
  return r;
}
__device__ void waitCluster(unsigned barrier, unsigned parity) {
  asm volatile("{\n\t.reg .pred done;\n"
               "AGAIN:\n\tmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n\t@done bra.uni DONE;\n\t"
               "bra.uni AGAIN;\nDONE:\n\t}" ::"r"(barrier),
               "r"(parity)
               : "memory");
}

} // namespace

extern "C" {

// Bins spread over the blocks of a cluster; every block adds where the bin lives.
__global__ void distributedHistogram(const int *in, int *out, int n, int binsOfBlock) {
  extern __shared__ int bins[];
  const auto cluster = cg::this_cluster();
  for (int i = threadIdx.x; i < binsOfBlock; i += blockDim.x) bins[i] = 0;
  cluster.sync();
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) {
    int *home = cluster.map_shared_rank(bins, in[i] / binsOfBlock);
    atomicAdd(home + in[i] % binsOfBlock, 1);
  }
  cluster.sync();
  int *mine = out + cluster.block_rank() * binsOfBlock;
  for (int i = threadIdx.x; i < binsOfBlock; i += blockDim.x) atomicAdd(mine + i, bins[i]);
}

// Where a block is in its cluster.
__global__ void __cluster_dims__(2, 2, 1) places(unsigned *out) {
  const auto cluster = cg::this_cluster();
  const unsigned block = blockIdx.y * gridDim.x + blockIdx.x;
  if (threadIdx.x != 0) return;
  unsigned *o = out + 5 * block;
  o[0] = cluster.block_rank(), o[1] = cluster.num_blocks(), o[2] = cluster.block_index().x, o[3] = cluster.block_index().y;
  o[4] = cluster.num_threads();
}

// Every block hands its row to the next one in the ring, as often as there are blocks: all see all rows.
__global__ void ring(const int *in, int *out) {
  __shared__ int row[2][64];
  const auto cluster = cg::this_cluster();
  const unsigned rank = cluster.block_rank(), count = cluster.num_blocks(), t = threadIdx.x;
  row[0][t] = in[blockIdx.x * 64 + t];
  cluster.sync(); // all have started
  int sum = 0;
  for (unsigned step = 0; step < count; ++step) {
    sum = sum * 7 + row[step % 2][t];
    cluster.map_shared_rank(row[(step + 1) % 2], (rank + 1) % count)[63 - t] = row[step % 2][t];
    cluster.sync();
  }
  out[blockIdx.x * 64 + t] = sum;
}

// Work between arriving and waiting; reads of the others' memory by ld.shared::cluster.
__global__ void splitBarrier(const float *in, float *out) {
  __shared__ float v[32];
  const unsigned t = threadIdx.x;
  unsigned rank, count;
  asm("mov.u32 %0, %cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %cluster_nctarank;" : "=r"(count));
  v[t] = in[blockIdx.x * 32 + t];
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
  const float own = in[blockIdx.x * 32 + t] * 0.5f;
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
  float sum = own;
  for (unsigned r = 0; r < count; ++r) {
    float x;
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(remote(sharedAddress(v + (t + r) % 32), r)));
    sum += x * (r + 1);
  }
  out[blockIdx.x * 32 + t] = sum + rank;
  asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
}

// The first block sends pieces of its shared memory to the others by bulk copies that report to their barriers; they
// tell it by a remote arrival that they are done.
__global__ void sendPieces(const int4 *in, int4 *out) {
  __shared__ __align__(16) int4 buffer[4 * 32];
  __shared__ __align__(8) unsigned long long arrivedHere, doneThere;
  const unsigned t = threadIdx.x, here = sharedAddress(&arrivedHere), done = sharedAddress(&doneThere);
  unsigned rank, count;
  asm("mov.u32 %0, %cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %cluster_nctarank;" : "=r"(count));
  if (t == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;\n\tmbarrier.init.shared::cta.b64 [%1], %2;" ::"r"(here), "r"(done),
                 "r"(count - 1)
                 : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    if (rank != 0)
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 512;" ::"r"(here) : "memory");
  }
  if (rank == 0)
    for (unsigned i = t; i < count * 32; i += 32) buffer[i] = in[blockIdx.x / count * count * 32 + i];
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
  if (rank == 0) {
    if (t == 0)
      for (unsigned r = 1; r < count; ++r)
        asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], 512, [%2];" ::"r"(
                         remote(sharedAddress(buffer), r)),
                     "r"(sharedAddress(buffer + r * 32)), "r"(remote(here, r))
                     : "memory");
    waitCluster(done, 0);
  } else {
    waitCluster(here, 0);
  }
  const int4 v = buffer[31 - t];
  out[blockIdx.x * 32 + t] = v;
  if (rank != 0 && t == 0)
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(remote(done, 0)) : "memory");
  asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
}

// Each of two blocks fetches one half of a tile for both, by multicast.
__global__ void __cluster_dims__(2, 1, 1) multicast(const __grid_constant__ TensorMap map, int *out) {
  __shared__ __align__(128) int tile[32 * 32];
  __shared__ __align__(8) unsigned long long barrier;
  const unsigned t = threadIdx.x, bar = sharedAddress(&barrier);
  unsigned rank;
  asm("mov.u32 %0, %cluster_ctarank;" : "=r"(rank));
  if (t == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;\n\tfence.mbarrier_init.release.cluster;" ::"r"(bar) : "memory");
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 4096;" ::"r"(bar) : "memory");
  }
  asm volatile("fence.proxy.async;" ::: "memory");
  asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
  if (t == 0)
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
                 "[%0], [%1, {%2, %3}], [%4], %5;" ::"r"(sharedAddress(tile + rank * 512)),
                 "l"(&map), "r"(blockIdx.x / 2 * 32), "r"(rank * 16), "r"(bar), "h"((unsigned short)3)
                 : "memory");
  waitCluster(bar, 0);
  int sum = 0;
  for (int i = 0; i < 32; ++i) sum = sum * 3 + tile[i * 32 + (t + rank) % 32];
  out[blockIdx.x * 32 + t] = sum;
  asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
}
}
