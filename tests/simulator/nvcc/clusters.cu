// Thread block clusters through cooperative groups: distributed shared memory, cluster-wide barriers, multicast.
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cstdint>

namespace cg = cooperative_groups;

// Bins spread over the blocks of a cluster; every block counts into all of them.
extern "C" __global__ void clusterHistogram(const int *values, int count, unsigned *bins, int binsOfBlock) {
  extern __shared__ unsigned own[];
  const cg::cluster_group cluster = cg::this_cluster();
  for (int k = threadIdx.x; k < binsOfBlock; k += blockDim.x) own[k] = 0;
  cluster.sync();
  const int clusters = gridDim.x / cluster.num_blocks(), mine = blockIdx.x / cluster.num_blocks();
  const int threads = cluster.num_threads();
  for (int k = mine * threads + cluster.thread_rank(); k < count; k += clusters * threads) {
    const int bin = values[k];
    atomicAdd(cluster.map_shared_rank(own, bin / binsOfBlock) + bin % binsOfBlock, 1u);
  }
  cluster.sync();
  for (int k = threadIdx.x; k < binsOfBlock; k += blockDim.x)
    atomicAdd(bins + cluster.block_rank() * binsOfBlock + k, own[k]);
}

// One sum for each cluster: the blocks leave theirs with the first one.
extern "C" __global__ void __cluster_dims__(4, 1, 1) clusterSum(const float *x, float *sums, int perBlock) {
  __shared__ float warps[32], blocks[4];
  const cg::cluster_group cluster = cg::this_cluster();
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  float sum = 0;
  for (int k = threadIdx.x; k < perBlock; k += blockDim.x) sum += x[blockIdx.x * perBlock + k];
  for (int step = 16; step > 0; step /= 2) sum += warp.shfl_down(sum, step);
  if (warp.thread_rank() == 0) warps[threadIdx.x / 32] = sum;
  cluster.sync();
  if (threadIdx.x == 0) {
    float total = 0;
    for (unsigned k = 0; k < blockDim.x / 32; ++k) total += warps[k];
    cluster.map_shared_rank(blocks, 0)[cluster.block_rank()] = total;
  }
  cluster.sync();
  if (cluster.thread_rank() == 0) sums[blockIdx.x / 4] = blocks[0] + blocks[1] + blocks[2] + blocks[3];
}

// C = A · B for one row of blocks: each keeps a slice of B in its shared memory, and reads the others' slices.
extern "C" __global__ void clusterProduct(const float *a, const float *b, float *c, int n) {
  extern __shared__ float slice[];
  const cg::cluster_group cluster = cg::this_cluster();
  const int parts = cluster.num_blocks(), rank = cluster.block_rank(), depth = n / parts;
  for (int k = threadIdx.x; k < depth * n; k += blockDim.x) slice[k] = b[rank * depth * n + k];
  cluster.sync();
  const int row = blockIdx.x;
  for (int column = threadIdx.x; column < n; column += blockDim.x) {
    float sum = 0;
    for (int turn = 0; turn < parts; ++turn) {
      const int from = (rank + turn) % parts;
      const float *theirs = cluster.map_shared_rank(slice, from);
      for (int k = 0; k < depth; ++k) sum += a[row * n + from * depth + k] * theirs[k * n + column];
    }
    c[row * n + column] = sum;
  }
  cluster.sync(); // nobody leaves while its slice is read
}

// Who am I? Split arrive and wait around work of one's own.
extern "C" __global__ void clusterIdentity(unsigned *out) {
  __shared__ unsigned word;
  cg::cluster_group cluster = cg::this_cluster();
  if (threadIdx.x == 0) word = 100 + cluster.block_rank();
  auto token = cluster.barrier_arrive();
  unsigned mine = cluster.thread_rank() * 1000;
  cluster.barrier_wait(cg::cluster_group::arrival_token(token));
  const unsigned next = (cluster.block_rank() + 1) % cluster.num_blocks();
  unsigned *there = cluster.map_shared_rank(&word, next);
  mine += *there + (cluster.query_shared_rank(there) == next ? 0 : 500);
  out[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x] =
      mine + cluster.dim_blocks().x * 1000000 + cluster.block_index().y * 10000000;
  cluster.sync();
}

namespace {

__device__ unsigned address(const void *p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }

} // namespace

// One block fetches a row of weights for the whole cluster; all wait at their own mbarrier. Values go round the ring of
// blocks by st.async afterwards.
extern "C" __global__ void clusterMulticast(const unsigned *weights, unsigned *out, int rounds) {
  __shared__ alignas(128) unsigned row[64];
  __shared__ alignas(8) std::uint64_t full, ring;
  __shared__ unsigned inbox;
  cg::cluster_group cluster = cg::this_cluster();
  const unsigned rank = cluster.block_rank(), blocks = cluster.num_blocks();
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(address(&full)));
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(address(&ring)));
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  cluster.sync();
  unsigned sum = 0;
  for (int round = 0; round < rounds; ++round) {
    if (threadIdx.x == 0) {
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 256;" ::"r"(address(&full)) : "memory");
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 4;" ::"r"(address(&ring)) : "memory");
    }
    cluster.sync();
    if (threadIdx.x == 0 && rank == round % blocks)
      asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], "
                   "256, [%2], %3;" ::"r"(address(row)),
                   "l"(weights + 64 * round), "r"(address(&full)), "h"(static_cast<std::uint16_t>((1 << blocks) - 1))
                   : "memory");
    unsigned done = 0;
    while (!done)
      asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                   : "=r"(done)
                   : "r"(address(&full)), "r"(round & 1)
                   : "memory");
    sum += row[threadIdx.x];
    if (threadIdx.x == 0) {
      unsigned box, bell;
      asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(box) : "r"(address(&inbox)), "r"((rank + 1) % blocks));
      asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(bell) : "r"(address(&ring)), "r"((rank + 1) % blocks));
      asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(box), "r"(sum),
                   "r"(bell)
                   : "memory");
    }
    for (done = 0; !done;)
      asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                   : "=r"(done)
                   : "r"(address(&ring)), "r"(round & 1)
                   : "memory");
    sum += inbox;
    cluster.sync();
  }
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
