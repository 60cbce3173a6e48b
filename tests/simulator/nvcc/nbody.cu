// Particles: forces between all bodies by tiles, a cell list for near neighbours, and a random walk that is binned.
extern "C" {

__global__ void forces(const float4 *bodies, float4 *accelerations, int n) {
  __shared__ float4 tile[64];
  const int i = blockIdx.x * 64 + threadIdx.x;
  const float4 me = i < n ? bodies[i] : make_float4(0, 0, 0, 0);
  float3 a = make_float3(0, 0, 0);
  for (int start = 0; start < n; start += 64) {
    __syncthreads();
    tile[threadIdx.x] = start + threadIdx.x < n ? bodies[start + threadIdx.x] : make_float4(0, 0, 0, 0);
    __syncthreads();
#pragma unroll 8
    for (int j = 0; j < 64; ++j) {
      const float4 o = tile[j];
      const float dx = o.x - me.x, dy = o.y - me.y, dz = o.z - me.z;
      const float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + 0.01f);
      const float s = o.w * inverse * inverse * inverse;
      a.x = fmaf(dx, s, a.x), a.y = fmaf(dy, s, a.y), a.z = fmaf(dz, s, a.z);
    }
  }
  if (i < n) accelerations[i] = make_float4(a.x, a.y, a.z, 0);
}

// Points in a square of 8×8 cells: lists by atomics, then every point counts those nearer than a cell's width.
__global__ void fillCells(const float2 *points, int *counts, int *members, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int cell = (int)(points[i].y * 8) * 8 + (int)(points[i].x * 8);
  members[cell * 64 + atomicAdd(counts + cell, 1)] = i;
}
__global__ void neighbours(const float2 *points, const int *counts, const int *members, int *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float2 p = points[i];
  const int cx = (int)(p.x * 8), cy = (int)(p.y * 8);
  int near = 0;
  for (int y = max(cy - 1, 0); y <= min(cy + 1, 7); ++y)
    for (int x = max(cx - 1, 0); x <= min(cx + 1, 7); ++x)
      for (int k = 0; k < counts[y * 8 + x]; ++k) {
        const int j = members[(y * 8 + x) * 64 + k];
        const float dx = points[j].x - p.x, dy = points[j].y - p.y;
        near += j != i && dx * dx + dy * dy < 0.015625f;
      }
  out[i] = near;
}

// Leapfrog steps of a ring of springs in shared memory; energy must stay.
__global__ void springs(double2 *state, int steps, double dt) {
  __shared__ double x[96];
  const int t = threadIdx.x, left = (t + 95) % 96, right = (t + 1) % 96;
  double2 s = state[t];
  for (int k = 0; k < steps; ++k) {
    x[t] = s.x;
    __syncthreads();
    s.y += dt * (x[left] - 2 * x[t] + x[right]);
    s.x += dt * s.y;
    __syncthreads();
  }
  state[t] = s;
}
}
