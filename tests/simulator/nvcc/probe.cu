// What a toolkit must have to count as one: the headers that the foreign programs use. Compiled when the build is
// configured, never run.
#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <mma.h>

#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/pipeline>

__global__ void probe(int *p) { *p = 1; }
