// Control flow that depends on data: loops of unknown length, branch tables, breaks out of nested loops, gotos.
extern "C" {

// Steps of the Collatz sequence, 64-bit.
__global__ void collatz(const long long *in, int *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  long long x = in[i];
  int steps = 0;
  while (x != 1) {
    if (x % 2 == 0) x /= 2;
    else if (x % 3 == 0) x = x * 3 + 1;
    else x = (3 * x + 1);
    ++steps;
  }
  out[i] = steps;
}

// A switch, which becomes a branch table, and local memory with dynamic indices.
__global__ void interpreter(const unsigned char *program, int length, int *out) {
  int stack[8];
  for (int i = 0; i < 8; ++i) stack[i] = 0;
  int top = 0;
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  for (int pc = 0; pc < length; ++pc) {
    const unsigned char op = program[(pc + (t & 1)) % length];
    switch (op) {
    case 0: stack[top] += t; break;
    case 1: stack[top] *= 3; break;
    case 2: stack[top] -= 7; break;
    case 3: top = (top + 1) % 8; break;
    case 4: stack[top] ^= stack[(top + 3) % 8]; break;
    case 5: stack[top] <<= 1; break;
    case 6: stack[top] = max(stack[top], -stack[top]); break;
    default: stack[top] += 1; break;
    }
  }
  int sum = 0;
  for (int i = 0; i < 8; ++i) sum = sum * 31 + stack[i];
  out[t] = sum;
}

// Greatest common divisors, and how many numbers below each are coprime to it, with an early way out.
__global__ void totient(const unsigned *in, unsigned *out, int n) {
  const int i = threadIdx.x;
  if (i >= n) return;
  unsigned count = 0;
  for (unsigned k = 1; k <= in[i]; ++k) {
    unsigned a = in[i], b = k;
    while (b != 0) {
      const unsigned r = a % b;
      a = b, b = r;
    }
    if (a != 1) continue;
    if (++count == 1000) goto full;
  }
full:
  out[i] = count;
}

// Queens on a board of 7: a search with an explicit stack, the first row by thread.
__global__ void queens(int *solutions) {
  const int size = 7;
  unsigned columns[8], left[8], right[8], open[8];
  int depth = 1, found = 0;
  const unsigned first = 1u << threadIdx.x;
  if (threadIdx.x >= size) return;
  columns[1] = first, left[1] = first << 1, right[1] = first >> 1;
  open[1] = ~(columns[1] | left[1] | right[1]) & ((1u << size) - 1);
  while (depth > 0) {
    if (open[depth] == 0) {
      --depth;
      continue;
    }
    const unsigned q = open[depth] & -open[depth];
    open[depth] ^= q;
    if (depth == size - 1) {
      ++found;
      continue;
    }
    columns[depth + 1] = columns[depth] | q;
    left[depth + 1] = (left[depth] | q) << 1;
    right[depth + 1] = (right[depth] | q) >> 1;
    ++depth;
    open[depth] = ~(columns[depth] | left[depth] | right[depth]) & ((1u << size) - 1);
  }
  atomicAdd(solutions, found);
}
}
