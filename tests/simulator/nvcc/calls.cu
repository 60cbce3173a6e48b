// Functions that stay functions: by value and by reference, recursive, through pointers and tables, virtual, variadic
// templates, with structures as parameters and results.
namespace {

struct Vector3 {
  double x, y, z;
};
__device__ __noinline__ Vector3 cross(Vector3 a, const Vector3 &b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

__device__ int isOdd(unsigned n);
__device__ __noinline__ int isEven(unsigned n) { return n == 0 ? 1 : isOdd(n - 1); }
__device__ __noinline__ int isOdd(unsigned n) { return n == 0 ? 0 : isEven(n - 1); }

__device__ __noinline__ unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

__device__ __noinline__ void quickSort(short *v, int low, int high) {
  while (low < high) {
    const short pivot = v[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (v[i] < pivot) ++i;
      while (v[j] > pivot) --j;
      if (i <= j) {
        const short s = v[i];
        v[i++] = v[j], v[j--] = s;
      }
    }
    quickSort(v, low, j);
    low = i;
  }
}

using Operation = float (*)(float, float);
__device__ __noinline__ float plus(float a, float b) { return a + b; }
__device__ __noinline__ float times(float a, float b) { return a * b; }
__device__ __noinline__ float power(float a, float b) { return b < 1 ? 1.0f : a * power(a, b - 1); }
__device__ Operation table[] = {plus, times, power};

struct Shape {
  __device__ virtual float area() const = 0;
  __device__ virtual float scaled(float by) const { return area() * by * by; }
  __device__ virtual ~Shape() {}
};
struct Circle : Shape {
  float r;
  __device__ explicit Circle(float radius) : r(radius) {}
  __device__ float area() const override { return 3.0f * r * r; }
};
struct Square : Shape {
  float side;
  __device__ explicit Square(float s) : side(s) {}
  __device__ float area() const override { return side * side; }
  __device__ float scaled(float by) const override { return side * by * side * by; }
};

template <class T> __device__ T sumOf(T v) { return v; }
template <class T, class... Rest> __device__ T sumOf(T v, Rest... rest) { return v + sumOf<T>((T)rest...); }

struct Wide {
  int v[9];
  char tag;
};
__device__ __noinline__ Wide rotate(Wide w, int by) {
  Wide r;
  for (int i = 0; i < 9; ++i) r.v[i] = w.v[(i + by) % 9];
  r.tag = (char)(w.tag + by);
  return r;
}

} // namespace

extern "C" {

__global__ void structures(const double *in, double *out) {
  const int t = threadIdx.x;
  const Vector3 a{in[3 * t], in[3 * t + 1], in[3 * t + 2]}, b{in[3 * t + 2], in[3 * t], in[3 * t + 1]};
  const Vector3 c = cross(cross(a, b), a);
  out[3 * t] = c.x, out[3 * t + 1] = c.y, out[3 * t + 2] = c.z;
}

__global__ void wideValues(const int *in, int *out) {
  Wide w;
  for (int i = 0; i < 9; ++i) w.v[i] = in[threadIdx.x * 9 + i];
  w.tag = 'a';
  w = rotate(rotate(w, threadIdx.x % 5), 3);
  for (int i = 0; i < 9; ++i) out[threadIdx.x * 10 + i] = w.v[i];
  out[threadIdx.x * 10 + 9] = w.tag;
}

__global__ void recursion(int *out) {
  const int t = threadIdx.x;
  out[3 * t] = fibonacci(t % 13), out[3 * t + 1] = isEven(t), out[3 * t + 2] = (int)ackermann(2, t % 6);
}

__global__ void sortEach(const short *in, short *out, int each) {
  short local[40];
  for (int i = 0; i < each; ++i) local[i] = in[threadIdx.x * each + i];
  quickSort(local, 0, each - 1);
  for (int i = 0; i < each; ++i) out[threadIdx.x * each + i] = local[i];
}

__global__ void pointers(const int *which, const float *in, float *out) {
  const int t = threadIdx.x;
  out[t] = table[which[t]](in[t], (float)(t % 4));
}

__global__ void virtuals(const float *in, float *out) {
  const int t = threadIdx.x;
  Circle circle(in[t]);
  Square square(in[t]);
  const Shape *s = t % 3 == 0 ? (const Shape *)&circle : &square;
  out[2 * t] = s->area(), out[2 * t + 1] = s->scaled(2);
}

__global__ void templates(const int *in, long long *out) {
  const int t = threadIdx.x;
  out[t] = sumOf<long long>(in[t], 1u, (char)2, 3000000000ll, (short)-4) + sumOf(in[t] * 2);
}
}
