// Cooperative groups: tiles of every size, coalesced groups, partitions by label and by predicate, reductions and scans
// of the library, a barrier of the grid, memcpy_async of a group.
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>

namespace cg = cooperative_groups;

namespace {

template <unsigned Size> __device__ int tileSum(const cg::thread_block &block, int v) {
  const auto tile = cg::tiled_partition<Size>(block);
  for (unsigned k = tile.size() / 2; k > 0; k /= 2) v += tile.shfl_down(v, k);
  return tile.shfl(v, 0);
}

} // namespace

extern "C" {

__global__ void tiles(const int *in, int *out) {
  const auto block = cg::this_thread_block();
  const int v = in[block.thread_rank()];
  int *o = out + 8 * block.thread_rank();
  o[0] = tileSum<4>(block, v), o[1] = tileSum<8>(block, v), o[2] = tileSum<16>(block, v), o[3] = tileSum<32>(block, v);
  const auto pair = cg::tiled_partition<2>(block);
  o[4] = pair.shfl_xor(v, 1) * 100 + (int)pair.meta_group_rank();
  const auto quad = cg::tiled_partition<4>(block);
  o[5] = (int)quad.ballot(v > 0) * 10 + quad.any(v > 90) * 2 + quad.all(v > -90);
  o[6] = (int)quad.match_any(v & 1), o[7] = (int)(quad.meta_group_size() * 1000 + quad.thread_rank());
}

// Tiles wider than a warp.
__global__ void wideTiles(const int *in, int *out) {
  __shared__ cg::block_tile_memory<256> scratch;
  const auto block = cg::this_thread_block(scratch);
  const auto tile = cg::tiled_partition<128>(block);
  const int sum = cg::reduce(tile, in[block.thread_rank()], cg::plus<int>());
  tile.sync();
  if (tile.thread_rank() == 0) out[tile.meta_group_rank()] = sum;
}

// The lanes that went this way, as a group; one atomic for all of them.
__global__ void coalesced(const int *in, int *out, int *count) {
  const int v = in[blockIdx.x * blockDim.x + threadIdx.x];
  if (v % 3 == 0) {
    const auto group = cg::coalesced_threads();
    int base = 0;
    if (group.thread_rank() == 0) base = atomicAdd(count, (int)group.size());
    base = group.shfl(base, 0);
    out[base + group.thread_rank()] = v;
  } else if (v % 3 == 1) {
    const auto group = cg::coalesced_threads();
    const int top = cg::reduce(group, v, cg::greater<int>());
    if (group.thread_rank() == 0) atomicMax(count + 1, top);
  }
}

// Groups of equal labels and of equal predicates, their sums and ranks.
__global__ void partitions(const int *in, int *out) {
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const int v = in[threadIdx.x];
  const auto same = cg::labeled_partition(warp, v & 3);
  const auto half = cg::binary_partition(warp, v > 0);
  int *o = out + 5 * threadIdx.x;
  o[0] = cg::reduce(same, v, cg::plus<int>()), o[1] = (int)same.thread_rank(), o[2] = (int)same.size();
  o[3] = cg::reduce(half, v, cg::less<int>()), o[4] = (int)half.size();
}

__global__ void library(const int *in, const float *floats, int *out, float *sums) {
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const int v = in[threadIdx.x];
  int *o = out + 8 * threadIdx.x;
  o[0] = cg::reduce(warp, v, cg::plus<int>()), o[1] = cg::reduce(warp, v, cg::greater<int>());
  o[2] = cg::reduce(warp, v, cg::bit_xor<int>()), o[3] = cg::inclusive_scan(warp, v, cg::plus<int>());
  o[4] = cg::exclusive_scan(warp, v, cg::plus<int>()), o[5] = cg::inclusive_scan(warp, v, cg::greater<int>());
  const auto quad = cg::tiled_partition<4>(warp);
  o[6] = cg::reduce(quad, v, cg::less<int>()), o[7] = cg::exclusive_scan(quad, v);
  sums[threadIdx.x] = cg::reduce(warp, floats[threadIdx.x], cg::plus<float>());
}

// Jacobi steps over the whole grid with a barrier of the grid between them.
__global__ void gridSteps(int *a, int *b, int n, int steps) {
  const auto grid = cg::this_grid();
  for (int s = 0; s < steps; ++s) {
    const int *from = s % 2 ? b : a;
    int *to = s % 2 ? a : b;
    for (int i = (int)grid.thread_rank(); i < n; i += (int)grid.size())
      to[i] = (from[(i + n - 1) % n] + 2 * from[i] + from[(i + 1) % n]) / 2 % 1009;
    grid.sync();
  }
}

// A block copies tile after tile together.
__global__ void groupCopy(const int *in, int *out, int tilesOfBlock) {
  __shared__ int buffer[2][128];
  const auto block = cg::this_thread_block();
  const int *from = in + blockIdx.x * tilesOfBlock * 128;
  cg::memcpy_async(block, buffer[0], from, sizeof buffer[0]);
  int sum = 0;
  for (int tile = 0; tile < tilesOfBlock; ++tile) {
    if (tile + 1 < tilesOfBlock) {
      cg::memcpy_async(block, buffer[(tile + 1) % 2], from + (tile + 1) * 128, sizeof buffer[0]);
      cg::wait_prior<1>(block);
    } else {
      cg::wait(block);
    }
    sum = sum * 3 + buffer[tile % 2][127 - block.thread_rank()];
    block.sync();
  }
  out[blockIdx.x * 128 + block.thread_rank()] = sum;
}
}
