// Memory from the device's heap: malloc and free, new and delete, lists and trees built there, a stack of free nodes.
#include <new>

namespace {

struct Node {
  int key, count = 1;
  Node *left = nullptr, *right = nullptr;
  __device__ explicit Node(int k) : key(k) {}
};

__device__ void insert(Node **at, int key) {
  while (*at) {
    if ((*at)->key == key) {
      ++(*at)->count;
      return;
    }
    at = key < (*at)->key ? &(*at)->left : &(*at)->right;
  }
  *at = new Node(key);
}

} // namespace

extern "C" {

// Every thread sorts its numbers with a tree of its own and takes it down again.
__global__ void treeSort(const int *in, int *out, int each) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  Node *root = nullptr;
  for (int i = 0; i < each; ++i) insert(&root, in[t * each + i]);
  int n = 0;
  // In order, without recursion: turn the tree to the right as it is eaten up.
  while (root) {
    if (Node *l = root->left) {
      root->left = l->right;
      l->right = root;
      root = l;
      continue;
    }
    for (int k = 0; k < root->count; ++k) out[t * each + n++] = root->key;
    Node *next = root->right;
    delete root;
    root = next;
  }
}

// One array for a block, from its first thread; written by all, summed by all, given back by the last.
__global__ void blockArray(int *out, int n) {
  __shared__ int *data;
  if (threadIdx.x == 0) data = (int *)malloc(n * sizeof(int));
  __syncthreads();
  if (!data) {
    if (threadIdx.x == 0) out[blockIdx.x] = -1;
    return;
  }
  for (int i = threadIdx.x; i < n; i += blockDim.x) data[i] = i * (blockIdx.x + 1);
  __syncthreads();
  int sum = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += data[n - 1 - i];
  atomicAdd(out + blockIdx.x, sum);
  __syncthreads();
  if (threadIdx.x == 0) free(data);
}

// A list that all threads push to; the next kernel takes it off. Memory lives longer than the kernel that asked for it.
__device__ struct Link {
  Link *next;
  int value;
} *listHead;
__global__ void pushAll(const int *in) {
  Link *link = (Link *)malloc(sizeof(Link));
  link->value = in[blockIdx.x * blockDim.x + threadIdx.x];
  Link *seen = *(Link *volatile *)&listHead, *was;
  do {
    was = seen;
    link->next = was;
    __threadfence();
    seen = (Link *)atomicCAS((unsigned long long *)&listHead, (unsigned long long)was, (unsigned long long)link);
  } while (seen != was);
}
__global__ void popAll(long long *sum, int *count) {
  Link *l = listHead;
  while (l) {
    *sum += l->value, ++*count;
    Link *next = l->next;
    free(l);
    l = next;
  }
  listHead = nullptr;
}

// More than there is: a null pointer, no error.
__global__ void tooMuch(int *out) {
  void *p = malloc(1ull << 40);
  out[0] = p == nullptr;
  free(p);
}
}
