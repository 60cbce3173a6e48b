// Text: search for a word, counts of words, edit distance along diagonals, a checksum, hexadecimal, a hash table.
extern "C" {

// Every place where WORD starts; four bytes are compared at once while they last.
__global__ void search(const char *text, int n, const char *word, int length, int *places, int *count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i + length > n) return;
  for (int k = 0; k < length; ++k)
    if (text[i + k] != word[k]) return;
  places[atomicAdd(count, 1)] = i;
}

// Words, lines, letters in capitals.
__global__ void countWords(const char *text, int n, int *counts) {
  int words = 0, lines = 0, capitals = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    const char c = text[i];
    const bool blank = c == ' ' || c == '\n', before = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\n';
    words += !blank && before, lines += c == '\n', capitals += c >= 'A' && c <= 'Z';
  }
  words = __reduce_add_sync(~0u, words), lines = __reduce_add_sync(~0u, lines);
  capitals = __reduce_add_sync(~0u, capitals);
  if (threadIdx.x % 32 == 0) atomicAdd(counts, words), atomicAdd(counts + 1, lines), atomicAdd(counts + 2, capitals);
}

// Levenshtein's distance: one block, a thread a column, diagonal after diagonal.
__global__ void editDistance(const char *a, int na, const char *b, int nb, int *out) {
  __shared__ int rows[3][128];
  const int j = threadIdx.x;
  for (int d = 0; d <= na + nb; ++d) {
    const int i = d - j;
    if (j <= nb && i >= 0 && i <= na) {
      int v;
      if (i == 0 || j == 0) v = i + j;
      else {
        const int change = rows[(d + 1) % 3][j - 1] + (a[i - 1] != b[j - 1]);
        v = min(change, min(rows[(d + 2) % 3][j], rows[(d + 2) % 3][j - 1]) + 1);
      }
      rows[d % 3][j] = v;
      if (i == na && j == nb) *out = v;
    }
    __syncthreads();
  }
}

// CRC-32 of blocks with a table in shared memory that the block makes itself.
__global__ void checksum(const unsigned char *data, unsigned *out, int each) {
  __shared__ unsigned table[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) {
    unsigned c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
    table[i] = c;
  }
  __syncthreads();
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned c = ~0u;
  for (int i = 0; i < each; ++i) c = table[(c ^ data[t * each + i]) & 255] ^ c >> 8;
  out[t] = ~c;
}

// Two letters for each byte, as one 16-bit store.
__global__ void hexadecimal(const unsigned char *in, unsigned short *out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  auto letter = [](unsigned v) { return v < 10 ? '0' + v : 'a' + v - 10; };
  out[i] = (unsigned short)(letter(in[i] >> 4) | letter(in[i] & 15) << 8);
}

// A table with open addresses: keys are inserted by compare-and-swap, values added.
__global__ void insertAll(const unsigned *keys, unsigned *table, int *sums, int n, unsigned mask) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  unsigned at = keys[i] * 2654435761u & mask;
  for (;;) {
    const unsigned was = atomicCAS(table + at, 0, keys[i]);
    if (was == 0 || was == keys[i]) break;
    at = (at + 1) & mask;
  }
  atomicAdd(sums + at, i);
}
}
