// A sequence of driver calls from bytes: with living handles, with stale and made-up ones, with null pointers where the
// driver may refuse them. Host memory is always as large as the call says.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/simulator/driver/Api.h"
#include "tools/simulator/driver/Exports.h"

namespace {

using namespace sage::cuda;

const char ptx[] = R"(.version 8.0
.target sm_90
.address_size 64
.visible .global .align 4 .u32 counter = 7;
.extern .shared .align 16 .b8 dyn[];
.visible .entry k(.param .u64 p, .param .u32 n)
{
.reg .b32 %r<6>; .reg .b64 %d<4>; .reg .pred %q;
mov.u32 %r0, %tid.x; ld.param.u64 %d0, [p]; ld.param.u32 %r1, [n]; setp.ge.u32 %q, %r0, %r1; @%q ret;
mul.wide.u32 %d1, %r0, 4; add.s64 %d0, %d0, %d1; st.global.u32 [%d0], %r0; atom.global.add.u32 %r2, [counter], 1;
ret;
}
.visible .entry empty() { ret; }
)";

class Fuzz {
public:
  Fuzz(const std::uint8_t *d, std::size_t n) : data(d), left(n) {}

  void run() {
    Context context = nullptr;
    cuDevicePrimaryCtxRetain(&context, 0);
    cuCtxSetCurrent(context);
    contexts.push_back(context);
    for (unsigned n = 0; n < 200 && left > 0; ++n) call();
    for (const Context made : created) cuCtxDestroy_v2(made);
    for (void *p : pinned) cuMemFreeHost(p);
    for (const Link l : links) cuLinkDestroy(l);
    for (const Library l : libraries) cuLibraryUnload(l);
    for (const GraphExec g : execs) cuGraphExecDestroy(g);
    for (const Graph g : graphs) cuGraphDestroy(g);
    cuDevicePrimaryCtxReset_v2(0);
    cuDevicePrimaryCtxRelease_v2(0);
    Context none = nullptr;
    while (cuCtxPopCurrent_v2(&none) == Result::Success) {
    }
  }

private:
  unsigned below(unsigned limit) {
    if (left == 0) return 0;
    --left;
    return *data++ % limit;
  }
  /// Mostly one that was made here, sometimes null, stale or made up.
  template <class T> T pick(const std::vector<T> &known) {
    const unsigned c = below(16);
    if (c == 0) return T{};
    if (c == 1) return reinterpret_cast<T>(std::uintptr_t{0x1234560});
    return known.empty() ? T{} : known[below(static_cast<unsigned>(known.size()))];
  }
  DevicePtr pointer() {
    const unsigned c = below(16);
    if (c == 0) return 0;
    if (c == 1) return 0xdead0000;
    return pointers.empty() ? 0 : pointers[below(static_cast<unsigned>(pointers.size()))] + below(3) * 16;
  }
  std::size_t amount() { return below(8) == 0 ? std::size_t{1} << (below(64)) : below(256); }
  template <class T> void keep(std::vector<T> &known, T value, Result result) {
    if (result == Result::Success && known.size() < 32) known.push_back(value);
  }

  void call() {
    switch (below(12)) {
    case 0: return memory();
    case 1: return copies();
    case 2: return modules();
    case 3: return launches();
    case 4: return streams();
    case 5: return events();
    case 6: return graphCalls();
    case 7: return libraryCalls();
    case 8: return linkCalls();
    case 9: return contextCalls();
    case 10: return queries();
    default: return pools();
    }
  }

  void memory() {
    DevicePtr p = 0, base = 0;
    std::size_t pitch = 0, bytes = 0;
    void *host = nullptr;
    switch (below(8)) {
    case 0: keep(pointers, p, (cuMemAlloc_v2(&p, amount()), p ? Result::Success : Result::Unknown)); break;
    case 1: keep(pointers, p, cuMemAllocPitch_v2(&p, &pitch, amount(), below(64), 4)), keepPointer(p); break;
    case 2: cuMemAllocManaged(&p, below(4096), 1), keepPointer(p); break;
    case 3: cuMemAllocAsync(&p, below(4096), pick(streamHandles)), keepPointer(p); break;
    case 4: cuMemFree_v2(pointer()); break;
    case 5: cuMemFreeAsync(pointer(), pick(streamHandles)); break;
    case 6:
      if (cuMemAllocHost_v2(&host, below(4096)) == Result::Success && host) pinned.push_back(host);
      break;
    default: cuMemGetAddressRange_v2(&base, &bytes, pointer()); break;
    }
  }
  void keepPointer(DevicePtr p) {
    if (p && pointers.size() < 32) pointers.push_back(p);
  }

  void copies() {
    const std::size_t n = below(256);
    switch (below(9)) {
    case 0: cuMemcpyHtoD_v2(pointer(), buffer.data(), n); break;
    case 1: cuMemcpyDtoH_v2(buffer.data(), pointer(), n); break;
    case 2: cuMemcpyDtoD_v2(pointer(), pointer(), amount()); break;
    case 3: cuMemsetD8_v2(pointer(), 3, amount()); break;
    case 4: cuMemsetD32_v2(pointer(), 3, amount()); break;
    case 5: cuMemsetD2D16_v2(pointer(), amount(), 3, below(64), below(64)); break;
    case 6: cuMemcpyHtoDAsync_v2(pointer(), buffer.data(), n, pick(streamHandles)); break;
    case 7: {
      Memcpy2D copy{};
      copy.srcMemoryType = copy.dstMemoryType = static_cast<MemoryType>(2); // device
      copy.srcDevice = pointer(), copy.dstDevice = pointer();
      copy.srcPitch = amount(), copy.dstPitch = amount(), copy.WidthInBytes = amount(), copy.Height = below(64);
      cuMemcpy2D_v2(&copy);
      break;
    }
    default: cuMemcpyDtoHAsync_v2(buffer.data(), pointer(), n, pick(streamHandles)); break;
    }
  }

  void modules() {
    Module m = nullptr;
    Function f = nullptr;
    DevicePtr p = 0;
    std::size_t bytes = 0;
    int value = 0;
    std::size_t offset = 0, size = 0;
    const char *names[] = {"k", "empty", "counter", ""};
    switch (below(7)) {
    case 0: keep(moduleHandles, m, (cuModuleLoadData(&m, ptx), m ? Result::Success : Result::Unknown)); break;
    case 1: cuModuleUnload(pick(moduleHandles)); break;
    case 2:
    case 3:
      cuModuleGetFunction(&f, pick(moduleHandles), names[below(4)]);
      if (f) functions.push_back(f);
      break;
    case 4: cuModuleGetGlobal_v2(&p, &bytes, pick(moduleHandles), names[below(4)]), keepPointer(p); break;
    case 5: cuFuncGetAttribute(&value, static_cast<FunctionAttribute>(below(20)), pick(functions)); break;
    default: cuFuncGetParamInfo(pick(functions), below(4), &offset, &size); break;
    }
  }

  void launches() {
    DevicePtr p = pointer();
    unsigned n = below(64);
    void *parameters[] = {&p, &n, &n, &n};
    std::array<std::uint8_t, 64> packed{};
    std::size_t bytes = below(64);
    void *extra[] = {reinterpret_cast<void *>(std::uintptr_t{1}), packed.data(),
                     reinterpret_cast<void *>(std::uintptr_t{2}), &bytes, nullptr};
    const bool useExtra = below(4) == 0;
    const unsigned shared = below(8) == 0 ? 1u << below(32) : below(128);
    cuLaunchKernel(pick(functions), below(4), below(3), below(3), below(70), below(3), below(3), shared,
                   pick(streamHandles), useExtra ? nullptr : parameters, useExtra ? extra : nullptr);
  }

  void streams() {
    Stream s = nullptr;
    unsigned flags = 0;
    int status = 0;
    Graph g = nullptr;
    switch (below(9)) {
    case 0:
      cuStreamCreate(&s, below(3));
      if (s) streamHandles.push_back(s);
      break;
    case 1: cuStreamDestroy_v2(pick(streamHandles)); break;
    case 2: cuStreamSynchronize(pick(streamHandles)); break;
    case 3: cuStreamGetFlags(pick(streamHandles), &flags); break;
    case 4: cuStreamWaitEvent(pick(streamHandles), pick(eventHandles), 0); break;
    case 5: cuStreamBeginCapture_v2(pick(streamHandles), static_cast<int>(below(4))); break;
    case 6:
      cuStreamEndCapture(pick(streamHandles), &g);
      if (g) graphs.push_back(g);
      break;
    case 7: cuStreamIsCapturing(pick(streamHandles), &status); break;
    default: cuLaunchHostFunc(pick(streamHandles), [](void *) {}, nullptr); break;
    }
  }

  void events() {
    Event e = nullptr;
    float time = 0;
    switch (below(5)) {
    case 0:
      cuEventCreate(&e, below(4));
      if (e) eventHandles.push_back(e);
      break;
    case 1: cuEventDestroy_v2(pick(eventHandles)); break;
    case 2: cuEventRecord(pick(eventHandles), pick(streamHandles)); break;
    case 3: cuEventElapsedTime(&time, pick(eventHandles), pick(eventHandles)); break;
    default: cuEventSynchronize(pick(eventHandles)); break;
    }
  }

  void graphCalls() {
    Graph g = nullptr;
    GraphNode n = nullptr;
    GraphExec e = nullptr;
    std::size_t count = 0;
    int type = 0;
    const GraphNode after = pick(nodes);
    switch (below(11)) {
    case 0:
      cuGraphCreate(&g, 0);
      if (g) graphs.push_back(g);
      break;
    case 1: cuGraphDestroy(pick(graphs)); break;
    case 2:
      cuGraphAddEmptyNode(&n, pick(graphs), &after, below(2));
      if (n) nodes.push_back(n);
      break;
    case 3: {
      MemsetNodeParameters p{};
      p.dst = pointer(), p.value = 5, p.elementSize = 1u << below(4), p.width = amount(), p.height = below(4);
      cuGraphAddMemsetNode(&n, pick(graphs), &after, below(2), &p, contexts[0]);
      if (n) nodes.push_back(n);
      break;
    }
    case 4: cuGraphDestroyNode(pick(nodes)); break;
    case 5: cuGraphGetNodes(pick(graphs), nullptr, &count); break;
    case 6:
      cuGraphInstantiateWithFlags(&e, pick(graphs), 0);
      if (e) execs.push_back(e);
      break;
    case 7: cuGraphLaunch(pick(execs), pick(streamHandles)); break;
    case 8: cuGraphExecDestroy(pick(execs)); break;
    case 9:
      cuGraphClone(&g, pick(graphs));
      if (g) graphs.push_back(g);
      break;
    default: {
      const GraphNode other = pick(nodes);
      cuGraphAddDependencies(pick(graphs), &after, &other, 1);
      cuGraphNodeGetType(after, &type);
      break;
    }
    }
  }

  void libraryCalls() {
    Library l = nullptr;
    Kernel k = nullptr;
    Function f = nullptr;
    Module m = nullptr;
    switch (below(5)) {
    case 0:
      cuLibraryLoadData(&l, ptx, nullptr, nullptr, 0, nullptr, nullptr, 0);
      if (l) libraries.push_back(l);
      break;
    case 1: cuLibraryUnload(pick(libraries)); break;
    case 2:
      cuLibraryGetKernel(&k, pick(libraries), below(2) ? "k" : "none");
      if (k) kernels.push_back(k), functions.push_back(reinterpret_cast<Function>(k));
      break;
    case 3:
      cuKernelGetFunction(&f, pick(kernels));
      if (f) functions.push_back(f);
      break;
    default: cuLibraryGetModule(&m, pick(libraries)); break;
    }
  }

  void linkCalls() {
    Link l = nullptr;
    void *image = nullptr;
    std::size_t bytes = 0;
    switch (below(4)) {
    case 0:
      cuLinkCreate_v2(0, nullptr, nullptr, &l);
      if (l) links.push_back(l);
      break;
    case 1:
      cuLinkAddData_v2(pick(links), static_cast<int>(below(8)), const_cast<char *>(ptx),
                       below(2) ? sizeof ptx : below(200), "a", 0, nullptr, nullptr);
      break;
    case 2: cuLinkComplete(pick(links), &image, &bytes); break;
    default: cuLinkDestroy(pick(links)); break;
    }
  }

  void contextCalls() {
    Context c = nullptr;
    std::size_t value = 0;
    switch (below(7)) {
    case 0:
      if (created.size() < 4 && cuCtxCreate_v2(&c, below(4), 0) == Result::Success)
        created.push_back(c), contexts.push_back(c);
      break;
    case 1: cuCtxDestroy_v2(pick(created)); break;
    case 2: cuCtxSetCurrent(pick(contexts)); break;
    case 3: cuCtxPushCurrent_v2(pick(contexts)); break;
    case 4: cuCtxPopCurrent_v2(&c); break;
    case 5: cuCtxGetLimit(&value, static_cast<Limit>(below(8))); break;
    default: cuCtxSynchronize(); break;
    }
  }

  void queries() {
    int value = 0;
    void *symbol = nullptr;
    std::uint64_t data[4] = {};
    switch (below(5)) {
    case 0:
      cuDeviceGetAttribute(&value, static_cast<DeviceAttribute>(below(150)), static_cast<int>(below(3)) - 1);
      break;
    case 1: cuPointerGetAttribute(data, static_cast<PointerAttribute>(below(20)), pointer()); break;
    case 2:
      cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, pick(functions), static_cast<int>(below(256)) * 8, amount());
      break;
    case 3: cuGetProcAddress("cuMemAlloc", &symbol, static_cast<int>(below(14)) * 1000, below(4)); break;
    default: cuModuleGetLoadingMode(&value); break;
    }
  }

  void pools() {
    MemoryPool p = nullptr;
    DevicePtr d = 0;
    switch (below(4)) {
    case 0:
      cuDeviceGetDefaultMemPool(&p, 0);
      if (p) poolHandles.push_back(p);
      break;
    case 1: cuMemAllocFromPoolAsync(&d, below(4096), pick(poolHandles), pick(streamHandles)), keepPointer(d); break;
    case 2: cuMemPoolTrimTo(pick(poolHandles), 0); break;
    default: cuMemPoolDestroy(pick(poolHandles)); break;
    }
  }

  const std::uint8_t *data;
  std::size_t left;
  std::array<std::uint8_t, 256> buffer{};
  std::vector<DevicePtr> pointers;
  std::vector<Context> contexts, created;
  std::vector<Module> moduleHandles;
  std::vector<Function> functions;
  std::vector<Stream> streamHandles;
  std::vector<Event> eventHandles;
  std::vector<Graph> graphs;
  std::vector<GraphNode> nodes;
  std::vector<GraphExec> execs;
  std::vector<Library> libraries;
  std::vector<Kernel> kernels;
  std::vector<Link> links;
  std::vector<MemoryPool> poolHandles;
  std::vector<void *> pinned;
};

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  sagesimConfigure("sm_90a");
  cuInit(0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  Fuzz(data, size).run();
  return 0;
}
