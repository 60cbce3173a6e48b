// Where data can live: constant memory, variables of the module, dynamic shared memory carved up, local arrays, large
// parameters, grids and blocks of three dimensions, launch bounds.
namespace {
struct Big {
  float weights[200];
  int order[8];
  double scale;
};
template <int N> struct Packed {
  unsigned char b[N];
};
} // namespace

__constant__ float taps[9] = {1, -2, 3, -4, 5, -6, 7, -8, 9};
__constant__ int lookup[4][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {13, 14, 15, 16}};
__device__ int counter = 100;
__device__ const char *const words[3] = {"alpha", "beta", "gamma"};
__device__ double grid[2][3] = {{0.5, 1.5, 2.5}, {-0.5, -1.5, -2.5}};
__device__ unsigned char bytes[5] = {250, 251, 252, 253, 254};

extern "C" {

__device__ int hostSees[4];

__global__ void constants(const int *index, float *out) {
  const int t = threadIdx.x, i = index[t];
  out[t] = taps[i % 9] * taps[(i + t) % 9] + lookup[i % 4][t % 4];
}

__global__ void variables(int *out) {
  const int t = threadIdx.x;
  const char *word = words[t % 3];
  int length = 0;
  while (word[length]) ++length;
  atomicAdd(&counter, length);
  out[t] = word[t % 4] + bytes[t % 5] + (int)(grid[t % 2][t % 3] * 2);
  __syncthreads();
  if (t == 0) hostSees[0] = counter, hostSees[1] = length;
}

__global__ void carved(const short *in, double *out, int n) {
  extern __shared__ __align__(16) unsigned char arena[];
  double *d = (double *)arena;
  int *i = (int *)(d + n);
  short *s = (short *)(i + n);
  unsigned char *c = (unsigned char *)(s + n);
  const int t = threadIdx.x;
  s[t] = in[t], c[t] = (unsigned char)(in[t] & 255), i[t] = in[t] * in[t], d[t] = in[t] / 8.0;
  __syncthreads();
  const int o = n - 1 - t;
  out[t] = s[o] + c[o] + i[o] + d[o];
}

__global__ void __launch_bounds__(64, 1) largeParameters(Big big, Packed<3> small, double *out) {
  const int t = threadIdx.x;
  double sum = 0;
  for (int i = 0; i < 8; ++i) sum += big.weights[big.order[(i + t) % 8] + t];
  out[t] = sum * big.scale + small.b[t % 3];
}

__global__ void coordinates(int *out) {
  const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] =
      (int)(threadIdx.x + 10 * threadIdx.y + 100 * threadIdx.z + 1000 * blockIdx.x + 10000 * blockIdx.y +
            100000 * blockIdx.z);
}

// A local array that is indexed by data: every thread reverses and rotates its own.
__global__ void localArrays(const int *in, int *out) {
  int v[16];
  for (int i = 0; i < 16; ++i) v[in[i] & 15] = i * (int)threadIdx.x;
  int *p = v + in[threadIdx.x % 16] % 16;
  *p += 1000;
  for (int i = 0; i < 16; ++i) out[threadIdx.x * 16 + i] = v[i];
}
}
