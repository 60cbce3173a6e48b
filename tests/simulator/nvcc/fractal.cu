// Divergence for its own sake: Mandelbrot, a distance field by sphere tracing, Newton's fractal, Game of chance walks.
extern "C" {

__global__ void mandelbrot(int *out, int width, int height, int limit) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const double cx = -2.0 + 3.0 * x / width, cy = -1.0 + 2.0 * y / height;
  double zx = 0, zy = 0;
  int n = 0;
  while (n < limit && zx * zx + zy * zy < 4) {
    const double t = __dadd_rn(__dsub_rn(__dmul_rn(zx, zx), __dmul_rn(zy, zy)), cx);
    zy = __dadd_rn(__dmul_rn(__dmul_rn(2, zx), zy), cy);
    zx = t;
    ++n;
  }
  out[y * width + x] = n;
}

// Which root of z³ = 1 Newton's method finds from each point, and in how many steps.
__global__ void newton(unsigned char *roots, int width) {
  const int x = threadIdx.x, y = blockIdx.x;
  double a = (x - width / 2 + 0.25) / 8, b = (y - (int)gridDim.x / 2 + 0.25) / 8;
  int steps = 0;
  for (; steps < 60; ++steps) {
    const double a2 = a * a - b * b, b2 = 2 * a * b, r = a2 * a2 + b2 * b2;
    const double na = (2 * a + (a2 / r)) / 3, nb = (2 * b - (b2 / r)) / 3;
    const double change = fabs(na - a) + fabs(nb - b);
    a = na, b = nb;
    if (change < 1e-12) break;
  }
  const int root = a > 0 ? 0 : b > 0 ? 1 : 2;
  roots[y * width + x] = (unsigned char)root;
}

// Rays against three spheres and a floor: hit, distance in thousandths.
__global__ void trace(int *out, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
  if (x >= width) return;
  float dx = (x - width * 0.5f) / width, dy = (height * 0.5f - y) / width, dz = 1;
  const float inverse = 1 / sqrtf(dx * dx + dy * dy + 1);
  dx *= inverse, dy *= inverse, dz *= inverse;
  float t = 0;
  int hit = 0;
  for (int step = 0; step < 64 && t < 20 && hit == 0; ++step) {
    const float px = dx * t, py = dy * t, pz = dz * t;
    float nearest = py + 1;
    int what = 1;
    for (int s = 0; s < 3; ++s) {
      const float ex = px - (s - 1) * 1.5f, ey = py + 0.25f * s, ez = pz - 4 - s;
      const float d = sqrtf(ex * ex + ey * ey + ez * ez) - 0.8f;
      if (d < nearest) nearest = d, what = 2 + s;
    }
    if (nearest < 1e-3f) hit = what;
    t += nearest;
  }
  out[y * width + x] = hit;
}
}
