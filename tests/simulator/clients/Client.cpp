// An ordinary driver-API program: it adds two vectors, twice — by a launch with timing events and by a captured graph —
// and compares with the host. Its code is PTX text, or the file given (PTX or a fat binary) with a kernel
// add(float *c, const float *a, const float *b, unsigned n).
//
// It is linked against libcuda.so.1 and knows nothing of the simulator. Without the toolkit's header it declares what
// it calls.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#ifdef CLIENT_CUDA_HEADER
#include CLIENT_CUDA_HEADER
#else
using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;
enum CUstreamCaptureMode { CU_STREAM_CAPTURE_MODE_GLOBAL = 0 };
extern "C" {
CUresult cuInit(unsigned);
CUresult cuGetErrorName(CUresult, const char **);
CUresult cuDeviceGet(CUdevice *, int);
CUresult cuDeviceGetName(char *, int, CUdevice);
CUresult cuDevicePrimaryCtxRetain(CUcontext *, CUdevice);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice);
CUresult cuCtxSetCurrent(CUcontext);
CUresult cuModuleLoadData(CUmodule *, const void *);
CUresult cuModuleGetFunction(CUfunction *, CUmodule, const char *);
CUresult cuModuleUnload(CUmodule);
CUresult cuMemAlloc_v2(CUdeviceptr *, std::size_t);
CUresult cuMemFree_v2(CUdeviceptr);
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr, const void *, std::size_t, CUstream);
CUresult cuMemcpyDtoHAsync_v2(void *, CUdeviceptr, std::size_t, CUstream);
CUresult cuMemsetD32Async(CUdeviceptr, unsigned, std::size_t, CUstream);
CUresult cuStreamCreate(CUstream *, unsigned);
CUresult cuStreamSynchronize(CUstream);
CUresult cuStreamDestroy_v2(CUstream);
CUresult cuEventCreate(CUevent *, unsigned);
CUresult cuEventRecord(CUevent, CUstream);
CUresult cuEventSynchronize(CUevent);
CUresult cuEventElapsedTime(float *, CUevent, CUevent);
CUresult cuEventDestroy_v2(CUevent);
CUresult cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream,
                        void **, void **);
CUresult cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode);
CUresult cuStreamEndCapture(CUstream, CUgraph *);
CUresult cuGraphInstantiateWithFlags(CUgraphExec *, CUgraph, unsigned long long);
CUresult cuGraphLaunch(CUgraphExec, CUstream);
CUresult cuGraphExecDestroy(CUgraphExec);
CUresult cuGraphDestroy(CUgraph);
}
#define cuMemAlloc cuMemAlloc_v2
#define cuMemFree cuMemFree_v2
#define cuMemcpyHtoDAsync cuMemcpyHtoDAsync_v2
#define cuMemcpyDtoHAsync cuMemcpyDtoHAsync_v2
#define cuStreamDestroy cuStreamDestroy_v2
#define cuEventDestroy cuEventDestroy_v2
#define cuDevicePrimaryCtxRelease cuDevicePrimaryCtxRelease_v2
#define cuStreamBeginCapture cuStreamBeginCapture_v2
#endif

namespace {

constexpr const char *addPtx = R"(.version 7.0
.target sm_52
.address_size 64
.visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n)
{
  .reg .pred %p;
  .reg .b32 %i, %t, %w, %n;
  .reg .b64 %c, %a, %b, %at;
  .reg .f32 %x, %y;
  ld.param.u64 %c, [c];
  ld.param.u64 %a, [a];
  ld.param.u64 %b, [b];
  ld.param.u32 %n, [n];
  mov.u32 %i, %ctaid.x;
  mov.u32 %w, %ntid.x;
  mov.u32 %t, %tid.x;
  mad.lo.u32 %i, %i, %w, %t;
  setp.ge.u32 %p, %i, %n;
  @%p ret;
  mul.wide.u32 %at, %i, 4;
  add.u64 %a, %a, %at;
  add.u64 %b, %b, %at;
  add.u64 %c, %c, %at;
  ld.global.f32 %x, [%a];
  ld.global.f32 %y, [%b];
  add.f32 %x, %x, %y;
  st.global.f32 [%c], %x;
  ret;
}
)";

void check(int result, const char *what) {
  if (result == 0) return;
  const char *name = nullptr;
  cuGetErrorName(static_cast<CUresult>(result), &name);
  std::fprintf(stderr, "client: %s: %s (%d)\n", what, name ? name : "?", result);
  std::exit(1);
}
#define CHECK(call) check(call, #call)

bool rightSums(const std::vector<float> &a, const std::vector<float> &b, const std::vector<float> &c) {
  for (std::size_t i = 0; i < c.size(); ++i)
    if (c[i] != a[i] + b[i]) return std::fprintf(stderr, "client: element %zu is %g\n", i, c[i]), false;
  return true;
}

} // namespace

int main(int argc, char **argv) {
  std::string code = addPtx;
  if (argc > 1) {
    std::ifstream file(argv[1], std::ios::binary);
    code.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  constexpr unsigned n = 1000, block = 128;
  std::vector<float> a(n), b(n), c(n);
  for (unsigned i = 0; i < n; ++i) a[i] = std::sin(float(i)), b[i] = float(i) / 7;

  CUdevice device = 0;
  CUcontext context = nullptr;
  CUmodule module = nullptr;
  CUfunction add = nullptr;
  CUstream stream = nullptr;
  CUevent start = nullptr, stop = nullptr;
  CUdeviceptr da = 0, db = 0, dc = 0;
  char name[64];
  CHECK(cuInit(0));
  CHECK(cuDeviceGet(&device, 0));
  CHECK(cuDeviceGetName(name, sizeof name, device));
  CHECK(cuDevicePrimaryCtxRetain(&context, device));
  CHECK(cuCtxSetCurrent(context));
  CHECK(cuModuleLoadData(&module, code.c_str()));
  CHECK(cuModuleGetFunction(&add, module, "add"));
  CHECK(cuStreamCreate(&stream, 1));
  CHECK(cuEventCreate(&start, 0));
  CHECK(cuEventCreate(&stop, 0));
  for (CUdeviceptr *p : {&da, &db, &dc}) CHECK(cuMemAlloc(p, n * sizeof(float)));
  CHECK(cuMemcpyHtoDAsync(da, a.data(), n * sizeof(float), stream));
  CHECK(cuMemcpyHtoDAsync(db, b.data(), n * sizeof(float), stream));

  unsigned count = n;
  void *arguments[] = {&dc, &da, &db, &count};
  CHECK(cuEventRecord(start, stream));
  CHECK(cuLaunchKernel(add, (n + block - 1) / block, 1, 1, block, 1, 1, 0, stream, arguments, nullptr));
  CHECK(cuEventRecord(stop, stream));
  CHECK(cuMemcpyDtoHAsync(c.data(), dc, n * sizeof(float), stream));
  CHECK(cuStreamSynchronize(stream));
  float milliseconds = -1;
  CHECK(cuEventSynchronize(stop));
  CHECK(cuEventElapsedTime(&milliseconds, start, stop));
  if (!rightSums(a, b, c) || milliseconds < 0) return 1;

  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  CHECK(cuMemsetD32Async(dc, 0, n, stream));
  CHECK(cuLaunchKernel(add, (n + block - 1) / block, 1, 1, block, 1, 1, 0, stream, arguments, nullptr));
  CHECK(cuMemcpyDtoHAsync(c.data(), dc, n * sizeof(float), stream));
  CHECK(cuStreamEndCapture(stream, &graph));
  CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  c.assign(n, 0);
  CHECK(cuGraphLaunch(exec, stream));
  CHECK(cuStreamSynchronize(stream));
  if (!rightSums(a, b, c)) return 1;

  CHECK(cuGraphExecDestroy(exec));
  CHECK(cuGraphDestroy(graph));
  for (CUdeviceptr p : {da, db, dc}) CHECK(cuMemFree(p));
  CHECK(cuEventDestroy(start));
  CHECK(cuEventDestroy(stop));
  CHECK(cuStreamDestroy(stream));
  CHECK(cuModuleUnload(module));
  CHECK(cuDevicePrimaryCtxRelease(device));
  std::printf("%s: %u sums are right, %.3f ms\n", name, n, double(milliseconds));
  return 0;
}
