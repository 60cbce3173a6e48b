// Time: clocks and timers that go forward, sleeping, waiting for a flag with a time limit, special registers.
#include <cstdint>

extern "C" {

__global__ void clocks(long long *out) {
  const long long c0 = clock64();
  const clock_t s0 = clock();
  unsigned long long g0, g1;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(g0));
  __nanosleep(100);
  float x = 1.0f + threadIdx.x;
  for (int i = 0; i < 100; ++i) x = sqrtf(x) + 1;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(g1));
  const clock_t s1 = clock();
  const long long c1 = clock64();
  const int t = threadIdx.x;
  out[4 * t] = c1 - c0, out[4 * t + 1] = (long long)(s1 - s0), out[4 * t + 2] = (long long)(g1 - g0);
  out[4 * t + 3] = x > 0;
}

// The first block sets a flag after a while, the others poll; who waits too long says so.
__global__ void pollWithLimit(volatile int *flag, int *out) {
  if (blockIdx.x == 0) {
    __nanosleep(1000);
    if (threadIdx.x == 0) {
      out[0] = 1;
      __threadfence();
      *flag = 42;
    }
    return;
  }
  unsigned long long start, now;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
  int seen = 0;
  do {
    seen = *flag;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  } while (seen == 0 && now - start < 4000000000ull);
  if (threadIdx.x == 0) out[blockIdx.x] = seen;
}

__global__ void whoAmI(unsigned *out) {
  unsigned lane, warp, warps, eq, lt, le, gt, ge, sm, sms, grid;
  asm("mov.u32 %0, %laneid;" : "=r"(lane));
  asm("mov.u32 %0, %warpid;" : "=r"(warp));
  asm("mov.u32 %0, %nwarpid;" : "=r"(warps));
  asm("mov.u32 %0, %lanemask_eq;" : "=r"(eq));
  asm("mov.u32 %0, %lanemask_lt;" : "=r"(lt));
  asm("mov.u32 %0, %lanemask_le;" : "=r"(le));
  asm("mov.u32 %0, %lanemask_gt;" : "=r"(gt));
  asm("mov.u32 %0, %lanemask_ge;" : "=r"(ge));
  asm volatile("mov.u32 %0, %smid;" : "=r"(sm));
  asm("mov.u32 %0, %nsmid;" : "=r"(sms));
  asm("mov.u32 %0, %dynamic_smem_size;" : "=r"(grid));
  unsigned *o = out + 10 * (blockIdx.x * blockDim.x + threadIdx.x);
  o[0] = lane, o[1] = warp < warps, o[2] = eq, o[3] = lt, o[4] = le, o[5] = gt, o[6] = ge, o[7] = sm < sms, o[8] = sms > 1;
  o[9] = grid;
}
}
