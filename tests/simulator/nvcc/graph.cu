// Graphs: breadth-first search by frontiers, components by union and find, shortest paths, triangles, ranks, labels of
// an image.
namespace {

__device__ int find(volatile int *parent, int v) {
  int p = parent[v];
  while (p != v) {
    const int g = parent[p];
    parent[v] = g; // half of the path
    v = p, p = g;
  }
  return v;
}

__device__ void join(int *parent, int a, int b) {
  for (;;) {
    a = find(parent, a), b = find(parent, b);
    if (a == b) return;
    if (a < b) {
      const int s = a;
      a = b, b = s;
    }
    // The greater root goes below the lesser one, if it is a root still.
    if (atomicCAS(parent + a, a, b) == a) return;
  }
}

} // namespace

extern "C" {

// One level: the next frontier is collected by atomics; a vertex belongs to who sets its level first.
__global__ void bfsLevel(const int *starts, const int *targets, const int *frontier, int size, int *levels, int *next,
                         int *nextSize, int level) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < size; i += gridDim.x * blockDim.x) {
    const int v = frontier[i];
    for (int k = starts[v]; k < starts[v + 1]; ++k)
      if (atomicCAS(levels + targets[k], -1, level) == -1) next[atomicAdd(nextSize, 1)] = targets[k];
  }
}

__global__ void components(const int2 *edges, int *parent, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) join(parent, edges[i].x, edges[i].y);
}
__global__ void flatten(int *parent, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) *(volatile int *)(parent + i) = find(parent, i); // others may be on their way past it
}

// Bellman and Ford by one block, until no distance changes.
__global__ void distances(const int3 *edges, int *distance, int count, int *rounds) {
  int round = 0;
  for (;;) {
    bool changed = false;
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const int3 e = edges[i];
      const int from = *(volatile int *)(distance + e.x);
      if (from < 1 << 29 && atomicMin(distance + e.y, from + e.z) > from + e.z) changed = true;
    }
    ++round;
    if (!__syncthreads_or(changed)) break;
  }
  if (threadIdx.x == 0) *rounds = round;
}

// Triangles of a graph given as rows of bits: a warp a vertex.
__global__ void triangles(const unsigned *rows, unsigned long long *count, int n) {
  const int v = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32, words = (n + 31) / 32;
  if (v >= n) return;
  unsigned long long mine = 0;
  for (int u = 0; u < n; ++u) {
    if (!(rows[v * words + u / 32] >> u % 32 & 1)) continue;
    for (int w = lane; w < words; w += 32) mine += __popc(rows[v * words + w] & rows[u * words + w]);
  }
  for (int k = 16; k > 0; k /= 2) mine += __shfl_down_sync(~0u, mine, k);
  if (lane == 0) atomicAdd(count, mine);
}

// Ranks of pages: a step gathers from the pages that point here.
__global__ void rank(const int *starts, const int *sources, const int *outDegree, const float *from, float *to, int n) {
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= n) return;
  float sum = 0;
  for (int k = starts[v]; k < starts[v + 1]; ++k) sum += from[sources[k]] / outDegree[sources[k]];
  to[v] = 0.15f / n + 0.85f * sum;
}

// Connected regions of equal pixels.
__global__ void regions(const unsigned char *image, int *parent, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
  if (x >= width) return;
  const int i = y * width + x;
  if (x > 0 && image[i] == image[i - 1]) join(parent, i, i - 1);
  if (y > 0 && image[i] == image[i - width]) join(parent, i, i - width);
}
}
