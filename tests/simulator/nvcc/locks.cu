// Spin locks: between the lanes of a warp, between blocks, a ticket lock, a reader-writer lock, a barrier of the grid.
extern "C" {

// All lanes of a warp want the same lock; the loop leaves as soon as a lane had it. Needs independent thread scheduling.
__global__ void betweenLanes(int *lock, volatile int *counter) {
  bool done = false;
  while (!done) {
    if (atomicCAS(lock, 0, 1) == 0) {
      __threadfence();
      *counter = *counter + (int)threadIdx.x;
      *(counter + 1) += 1;
      __threadfence();
      atomicExch(lock, 0);
      done = true;
    }
  }
}

// The simple form, with the wait in front: before sm_70 a dead lock within a warp.
__global__ void waitInFront(int *lock, volatile int *counter) {
  while (atomicCAS(lock, 0, 1) != 0) {}
  __threadfence();
  *counter = *counter + 1;
  __threadfence();
  atomicExch(lock, 0);
}

// One lock a bucket; blocks and lanes together append to lists.
__global__ void buckets(const int *keys, int *locks, volatile int *sizes, volatile int *lists, int n, int room) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int b = keys[i];
  while (atomicCAS(locks + b, 0, 1) != 0) __nanosleep(20);
  __threadfence();
  const int at = sizes[b];
  lists[b * room + at] = i;
  sizes[b] = at + 1;
  __threadfence();
  atomicExch(locks + b, 0);
}

// First come, first served.
__global__ void ticketLock(unsigned *next, volatile unsigned *serving, volatile unsigned *order) {
  if (threadIdx.x % 32 != 0) return;
  const unsigned mine = atomicAdd(next, 1);
  while (*serving != mine) {}
  __threadfence();
  order[mine] = order[mine - (mine > 0)] + (mine > 0);
  __threadfence();
  *serving = mine + 1;
}

// Readers together, writers alone: the two words must always agree for a reader.
__global__ void readersAndWriters(int *state, volatile int *pair, int *torn) {
  const int t = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  if (threadIdx.x % 32 != 0) return;
  for (int round = 0; round < 5; ++round) {
    if (t % 4 == 0) {
      while (atomicCAS(state, 0, -1) != 0) {}
      __threadfence();
      pair[0] = pair[0] + 1;
      pair[1] = pair[0];
      __threadfence();
      atomicExch(state, 0);
    } else {
      for (;;) {
        const int readers = *(volatile int *)state;
        if (readers >= 0 && atomicCAS(state, readers, readers + 1) == readers) break;
      }
      __threadfence();
      if (pair[0] != pair[1]) atomicAdd(torn, 1);
      __threadfence();
      atomicSub(state, 1);
    }
  }
}

// A barrier over the whole grid, by a counter that all blocks come to; each phase reads what others wrote before it.
__global__ void gridBarrier(unsigned *arrived, volatile int *values, int phases) {
  const unsigned blocks = gridDim.x;
  int mine = (int)blockIdx.x;
  for (int p = 0; p < phases; ++p) {
    if (threadIdx.x == 0) {
      values[p * blocks + blockIdx.x] = mine;
      __threadfence();
      atomicAdd(arrived, 1);
      while (*(volatile unsigned *)arrived < blocks * (p + 1)) {}
      __threadfence();
    }
    __syncthreads();
    mine = values[p * blocks + (blockIdx.x + 1) % blocks] + 1;
  }
  if (threadIdx.x == 0) values[phases * blocks + blockIdx.x] = mine;
}
}
