// What reaches the host besides memory: printf in its formats, assert, trap.
#include <cassert>
#include <cstdio>

extern "C" {

__global__ void formats(const char *name, int n) {
  const int i = threadIdx.x;
  if (i == 0) {
    printf("plain %%\n");
    printf("%d %i %u %x %X %o\n", -5, 42, 3000000000u, 255u, 0xabcu, 8u);
    printf("[%5d] [%-5d] [%05d] [%+d] [%.3d] [%*d]\n", 42, 42, 42, 42, 7, 4, 9);
    printf("%lld %llu %llx %ld\n", -5000000000ll, 18446744073709551615ull, 0x123456789abcull, 77l);
    printf("%f %.2f %10.3f %e %g %G\n", 1.5, 2.0 / 3, 3.14159265, 12345.678, 0.0001, 1e20);
    printf("%c%c%c [%8s] [%-8s] [%.2s]\n", 'a', 'b', 'c', "right", "left", "cut");
    printf("%s has %d, %s\n", name, n, (const char *)nullptr == name ? "none" : "some");
    printf("%hhd %hd %zu\n", (signed char)-3, (short)-300, (size_t)12);
  }
  __syncthreads();
  if (i == 33) {
    const float f = 0.1f;
    printf("thread %d: %.9g\n", i, f);
  }
}

// What it returns: the number of arguments.
__global__ void countOfPrintf(int *out) { out[threadIdx.x] = printf("%d", (int)threadIdx.x) + 10 * printf("."); }

__global__ void asserts(const int *in) { assert(in[threadIdx.x] < 10 && "too much"); }

__global__ void traps(const int *in) {
  if (in[threadIdx.x] == 13) __trap();
}
}
