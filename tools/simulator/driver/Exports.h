// The further exported functions, and the structures that they take: contexts, libraries, the linker, copies in two and
// three dimensions, pools, graphs, and what else the driver has beside what Api.h lists. Sizes are pinned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tools/simulator/driver/Api.h"

namespace sage::cuda {

using Graph = struct GraphHandle *;
using GraphNode = struct GraphNodeHandle *;
using GraphExec = struct GraphExecHandle *;
using Library = struct LibraryHandle *;
using Kernel = struct KernelHandle *;
using Link = struct LinkHandle *;
using MemoryPool = struct MemoryPoolHandle *;

struct Memcpy2D {
  std::size_t srcXInBytes, srcY;
  MemoryType srcMemoryType;
  const void *srcHost;
  DevicePtr srcDevice;
  void *srcArray;
  std::size_t srcPitch;
  std::size_t dstXInBytes, dstY;
  MemoryType dstMemoryType;
  void *dstHost;
  DevicePtr dstDevice;
  void *dstArray;
  std::size_t dstPitch;
  std::size_t WidthInBytes, Height;
};
struct Memcpy3D {
  std::size_t srcXInBytes, srcY, srcZ, srcLOD;
  MemoryType srcMemoryType;
  const void *srcHost;
  DevicePtr srcDevice;
  void *srcArray;
  void *reserved0; ///< of a copy between contexts: the source's context
  std::size_t srcPitch, srcHeight;
  std::size_t dstXInBytes, dstY, dstZ, dstLOD;
  MemoryType dstMemoryType;
  void *dstHost;
  DevicePtr dstDevice;
  void *dstArray;
  void *reserved1; ///< the destination's
  std::size_t dstPitch, dstHeight;
  std::size_t WidthInBytes, Height, Depth;
};
struct KernelNodeParameters {
  Function function;
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  void **kernelParams;
  void **extra;
};
struct KernelNodeParameters2 {
  KernelNodeParameters base;
  Kernel kernel;
  Context context;
};
struct MemsetNodeParameters {
  DevicePtr dst;
  std::size_t pitch;
  unsigned value, elementSize;
  std::size_t width, height;
};
struct HostNodeParameters {
  void (*function)(void *);
  void *data;
};
struct GraphInstantiateParameters {
  std::uint64_t flags;
  Stream uploadStream;
  GraphNode failedNode;
  int outcome;
};
struct GraphUpdateResult {
  int result;
  GraphNode errorNode, errorFromNode;
};
struct ContextCreateParameters {
  void *affinity;
  int affinityCount;
  void *graphics;
};
struct MemoryLocation {
  int type, id;
};
struct MemoryPoolProperties {
  int allocationType, handleTypes;
  MemoryLocation location;
  void *windowsSecurity;
  std::size_t maxBytes;
  unsigned short usage;
  unsigned char reserved[54];
};
struct DeviceProperties {
  int maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
  int sharedMemPerBlock, totalConstantMemory, simdWidth, memPitch, regsPerBlock, clockRate, textureAlign;
};

static_assert(sizeof(Memcpy2D) == 128 && sizeof(Memcpy3D) == 200 && sizeof(KernelNodeParameters) == 56);
static_assert(sizeof(KernelNodeParameters2) == 72 && sizeof(MemsetNodeParameters) == 40);
static_assert(sizeof(GraphInstantiateParameters) == 32 && sizeof(GraphUpdateResult) == 24);
static_assert(sizeof(MemoryPoolProperties) == 88 && sizeof(DeviceProperties) == 56);

extern "C" {
[[gnu::visibility("default")]] Result cuStreamBeginCapture(Stream stream);
[[gnu::visibility("default")]] Result cuStreamBeginCapture_v2(Stream stream, int mode);
[[gnu::visibility("default")]] Result cuStreamBeginCaptureToGraph(Stream stream, Graph graph, GraphNode *after,
                                                                  const void *, std::size_t count, int mode);
[[gnu::visibility("default")]] Result cuStreamEndCapture(Stream stream, Graph *graph);
[[gnu::visibility("default")]] Result cuStreamGetCaptureInfo(Stream stream, int *status, std::uint64_t *id);
[[gnu::visibility("default")]] Result cuStreamGetCaptureInfo_v2(Stream stream, int *status, std::uint64_t *id,
                                                                Graph *graph, const GraphNode **ahead,
                                                                std::size_t *count);
[[gnu::visibility("default")]] Result cuStreamGetCaptureInfo_v3(Stream stream, int *status, std::uint64_t *id,
                                                                Graph *graph, const GraphNode **ahead,
                                                                const void **edges, std::size_t *count);
[[gnu::visibility("default")]] Result cuStreamUpdateCaptureDependencies(Stream stream, GraphNode *nodes,
                                                                        std::size_t count, unsigned flags);
[[gnu::visibility("default")]] Result
cuStreamUpdateCaptureDependencies_v2(Stream stream, GraphNode *nodes, const void *, std::size_t count, unsigned flags);
[[gnu::visibility("default")]] Result cuThreadExchangeStreamCaptureMode(int *mode);
[[gnu::visibility("default")]] Result cuCtxGetDevice_v2(Device *device, Context context);
[[gnu::visibility("default")]] Result cuCtxGetId(Context context, unsigned long long *id);
[[gnu::visibility("default")]] Result cuCtxSynchronize_v2(Context context);
[[gnu::visibility("default")]] Result cuCtxGetFlags(unsigned *flags);
[[gnu::visibility("default")]] Result cuCtxSetFlags(unsigned flags);
[[gnu::visibility("default")]] Result cuCtxGetCacheConfig(int *config);
[[gnu::visibility("default")]] Result cuCtxSetCacheConfig(int config);
[[gnu::visibility("default")]] Result cuCtxGetSharedMemConfig(int *config);
[[gnu::visibility("default")]] Result cuCtxSetSharedMemConfig(int config);
[[gnu::visibility("default")]] Result cuCtxResetPersistingL2Cache();
[[gnu::visibility("default")]] Result cuCtxCreate_v2(Context *context, unsigned flags, Device device);
[[gnu::visibility("default")]] Result cuCtxCreate_v3(Context *context, void *affinity, int count, unsigned flags,
                                                     Device device);
[[gnu::visibility("default")]] Result cuCtxCreate_v4(Context *context, const ContextCreateParameters *parameters,
                                                     unsigned flags, Device device);
[[gnu::visibility("default")]] Result cuCtxDestroy_v2(Context context);
[[gnu::visibility("default")]] Result cuCtxAttach(Context *context, unsigned flags);
[[gnu::visibility("default")]] Result cuCtxDetach(Context context);
[[gnu::visibility("default")]] Result cuMemcpy2D_v2(const Memcpy2D *p);
[[gnu::visibility("default")]] Result cuMemcpy3D_v2(const Memcpy3D *p);
[[gnu::visibility("default")]] Result cuMemcpy2DAsync_v2(const Memcpy2D *p, Stream stream);
[[gnu::visibility("default")]] Result cuMemcpy3DAsync_v2(const Memcpy3D *p, Stream stream);
[[gnu::visibility("default")]] Result cuMemcpy3DPeer(const Memcpy3D *p);
[[gnu::visibility("default")]] Result cuMemcpy3DPeerAsync(const Memcpy3D *p, Stream stream);
[[gnu::visibility("default")]] Result cuMemsetD2D8_v2(DevicePtr to, std::size_t pitch, unsigned char value,
                                                      std::size_t width, std::size_t height);
[[gnu::visibility("default")]] Result cuMemsetD2D8Async(DevicePtr to, std::size_t pitch, unsigned char value,
                                                        std::size_t width, std::size_t height, Stream stream);
[[gnu::visibility("default")]] Result cuMemsetD2D16_v2(DevicePtr to, std::size_t pitch, unsigned short value,
                                                       std::size_t width, std::size_t height);
[[gnu::visibility("default")]] Result cuMemsetD2D16Async(DevicePtr to, std::size_t pitch, unsigned short value,
                                                         std::size_t width, std::size_t height, Stream stream);
[[gnu::visibility("default")]] Result cuMemsetD2D32_v2(DevicePtr to, std::size_t pitch, unsigned value,
                                                       std::size_t width, std::size_t height);
[[gnu::visibility("default")]] Result cuMemsetD2D32Async(DevicePtr to, std::size_t pitch, unsigned value,
                                                         std::size_t width, std::size_t height, Stream stream);
[[gnu::visibility("default")]] Result cuGraphCreate(Graph *graph, unsigned flags);
[[gnu::visibility("default")]] Result cuGraphDestroy(Graph graph);
[[gnu::visibility("default")]] Result cuGraphClone(Graph *clone, Graph graph);
[[gnu::visibility("default")]] Result cuGraphNodeFindInClone(GraphNode *node, GraphNode original, Graph clone);
[[gnu::visibility("default")]] Result cuGraphAddKernelNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                           std::size_t count, const KernelNodeParameters *p);
[[gnu::visibility("default")]] Result cuGraphAddKernelNode_v2(GraphNode *node, Graph graph, const GraphNode *after,
                                                              std::size_t count, const KernelNodeParameters2 *p);
[[gnu::visibility("default")]] Result cuGraphAddMemcpyNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                           std::size_t count, const Memcpy3D *p, Context);
[[gnu::visibility("default")]] Result cuGraphAddMemsetNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                           std::size_t count, const MemsetNodeParameters *p, Context);
[[gnu::visibility("default")]] Result cuGraphAddHostNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                         std::size_t count, const HostNodeParameters *p);
[[gnu::visibility("default")]] Result cuGraphAddEmptyNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                          std::size_t count);
[[gnu::visibility("default")]] Result cuGraphAddChildGraphNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                               std::size_t count, Graph child);
[[gnu::visibility("default")]] Result cuGraphAddEventRecordNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                                std::size_t count, Event event);
[[gnu::visibility("default")]] Result cuGraphAddEventWaitNode(GraphNode *node, Graph graph, const GraphNode *after,
                                                              std::size_t count, Event event);
[[gnu::visibility("default")]] Result cuGraphKernelNodeSetParams(GraphNode node, const KernelNodeParameters *p);
[[gnu::visibility("default")]] Result cuGraphKernelNodeSetParams_v2(GraphNode node, const KernelNodeParameters2 *p);
[[gnu::visibility("default")]] Result cuGraphMemsetNodeSetParams(GraphNode node, const MemsetNodeParameters *p);
[[gnu::visibility("default")]] Result cuGraphMemcpyNodeSetParams(GraphNode node, const Memcpy3D *p);
[[gnu::visibility("default")]] Result cuGraphExecKernelNodeSetParams(GraphExec exec, GraphNode node,
                                                                     const KernelNodeParameters *p);
[[gnu::visibility("default")]] Result cuGraphExecKernelNodeSetParams_v2(GraphExec exec, GraphNode node,
                                                                        const KernelNodeParameters2 *p);
[[gnu::visibility("default")]] Result cuGraphExecMemsetNodeSetParams(GraphExec exec, GraphNode node,
                                                                     const MemsetNodeParameters *p, Context);
[[gnu::visibility("default")]] Result cuGraphExecMemcpyNodeSetParams(GraphExec exec, GraphNode node, const Memcpy3D *p,
                                                                     Context);
[[gnu::visibility("default")]] Result cuGraphGetNodes(Graph graph, GraphNode *nodes, std::size_t *count);
[[gnu::visibility("default")]] Result cuGraphGetRootNodes(Graph graph, GraphNode *nodes, std::size_t *count);
[[gnu::visibility("default")]] Result cuGraphNodeGetDependencies(GraphNode node, GraphNode *nodes, std::size_t *count);
[[gnu::visibility("default")]] Result cuGraphNodeGetType(GraphNode node, int *type);
[[gnu::visibility("default")]] Result cuGraphDestroyNode(GraphNode node);
[[gnu::visibility("default")]] Result cuGraphAddDependencies(Graph graph, const GraphNode *from, const GraphNode *to,
                                                             std::size_t count);
[[gnu::visibility("default")]] Result cuGraphAddDependencies_v2(Graph graph, const GraphNode *from, const GraphNode *to,
                                                                const void *, std::size_t count);
[[gnu::visibility("default")]] Result cuGraphRemoveDependencies(Graph graph, const GraphNode *from, const GraphNode *to,
                                                                std::size_t count);
[[gnu::visibility("default")]] Result cuGraphInstantiate_v2(GraphExec *exec, Graph graph, GraphNode *failed, char *log,
                                                            std::size_t bytes);
[[gnu::visibility("default")]] Result cuGraphInstantiate(GraphExec *exec, Graph graph, GraphNode *failed, char *log,
                                                         std::size_t bytes);
[[gnu::visibility("default")]] Result cuGraphInstantiateWithFlags(GraphExec *exec, Graph graph,
                                                                  unsigned long long flags);
[[gnu::visibility("default")]] Result cuGraphInstantiateWithParams(GraphExec *exec, Graph graph,
                                                                   GraphInstantiateParameters *p);
[[gnu::visibility("default")]] Result cuGraphExecGetFlags(GraphExec exec, std::uint64_t *flags);
[[gnu::visibility("default")]] Result cuGraphExecUpdate(GraphExec exec, Graph graph, GraphNode *failed, int *outcome);
[[gnu::visibility("default")]] Result cuGraphExecUpdate_v2(GraphExec exec, Graph graph, GraphUpdateResult *outcome);
[[gnu::visibility("default")]] Result cuGraphExecDestroy(GraphExec exec);
[[gnu::visibility("default")]] Result cuGraphUpload(GraphExec exec, Stream);
[[gnu::visibility("default")]] Result cuGraphLaunch(GraphExec exec, Stream stream);
[[gnu::visibility("default")]] Result cuLaunchCooperativeKernel(Function function, unsigned gridX, unsigned gridY,
                                                                unsigned gridZ, unsigned blockX, unsigned blockY,
                                                                unsigned blockZ, unsigned dynamicSharedBytes,
                                                                Stream stream, void **parameters);
[[gnu::visibility("default")]] Result cuFuncSetBlockShape(Function function, int x, int y, int z);
[[gnu::visibility("default")]] Result cuFuncSetSharedSize(Function function, unsigned bytes);
[[gnu::visibility("default")]] Result cuParamSetSize(Function function, unsigned bytes);
[[gnu::visibility("default")]] Result cuParamSeti(Function function, int offset, unsigned value);
[[gnu::visibility("default")]] Result cuParamSetf(Function function, int offset, float value);
[[gnu::visibility("default")]] Result cuParamSetv(Function function, int offset, void *data, unsigned bytes);
[[gnu::visibility("default")]] Result cuLaunch(Function function);
[[gnu::visibility("default")]] Result cuLaunchGrid(Function function, int width, int height);
[[gnu::visibility("default")]] Result cuLaunchGridAsync(Function function, int width, int height, Stream stream);
[[gnu::visibility("default")]] Result cuLibraryLoadData(Library *library, const void *code, JitOption *options,
                                                        void **values, unsigned count, int *, void **, unsigned);
[[gnu::visibility("default")]] Result cuLibraryLoadFromFile(Library *library, const char *path, JitOption *options,
                                                            void **values, unsigned count, int *, void **, unsigned);
[[gnu::visibility("default")]] Result cuLibraryUnload(Library library);
[[gnu::visibility("default")]] Result cuLibraryGetKernel(Kernel *kernel, Library library, const char *name);
[[gnu::visibility("default")]] Result cuLibraryGetKernelCount(unsigned *count, Library library);
[[gnu::visibility("default")]] Result cuLibraryEnumerateKernels(Kernel *kernels, unsigned count, Library library);
[[gnu::visibility("default")]] Result cuLibraryGetModule(Module *module, Library library);
[[gnu::visibility("default")]] Result cuLibraryGetGlobal(DevicePtr *pointer, std::size_t *bytes, Library library,
                                                         const char *name);
[[gnu::visibility("default")]] Result cuKernelGetFunction(Function *function, Kernel kernel);
[[gnu::visibility("default")]] Result cuKernelGetLibrary(Library *library, Kernel kernel);
[[gnu::visibility("default")]] Result cuKernelGetName(const char **name, Kernel kernel);
[[gnu::visibility("default")]] Result cuKernelGetAttribute(int *value, FunctionAttribute attribute, Kernel kernel,
                                                           Device device);
[[gnu::visibility("default")]] Result cuKernelSetAttribute(FunctionAttribute attribute, int value, Kernel kernel,
                                                           Device device);
[[gnu::visibility("default")]] Result cuKernelSetCacheConfig(Kernel kernel, int config, Device device);
[[gnu::visibility("default")]] Result cuKernelGetParamInfo(Kernel kernel, std::size_t index, std::size_t *offset,
                                                           std::size_t *bytes);
[[gnu::visibility("default")]] Result cuLinkCreate_v2(unsigned count, JitOption *options, void **values, Link *link);
[[gnu::visibility("default")]] Result cuLinkAddData_v2(Link link, int type, void *data, std::size_t bytes, const char *,
                                                       unsigned, JitOption *, void **);
[[gnu::visibility("default")]] Result cuLinkAddFile_v2(Link link, int type, const char *path, unsigned, JitOption *,
                                                       void **);
[[gnu::visibility("default")]] Result cuLinkComplete(Link link, void **image, std::size_t *bytes);
[[gnu::visibility("default")]] Result cuLinkDestroy(Link link);
[[gnu::visibility("default")]] Result cuDeviceGetByPCIBusId(Device *device, const char *id);
[[gnu::visibility("default")]] Result cuDeviceGetProperties(DeviceProperties *to, Device device);
[[gnu::visibility("default")]] Result cuDeviceGetExecAffinitySupport(int *supported, int, Device device);
[[gnu::visibility("default")]] Result cuDeviceCanAccessPeer(int *can, Device device, Device peer);
[[gnu::visibility("default")]] Result cuDeviceGetP2PAttribute(int *value, int attribute, Device device, Device peer);
[[gnu::visibility("default")]] Result cuCtxEnablePeerAccess(Context peer, unsigned flags);
[[gnu::visibility("default")]] Result cuCtxDisablePeerAccess(Context peer);
[[gnu::visibility("default")]] Result cuProfilerStart();
[[gnu::visibility("default")]] Result cuProfilerStop();
[[gnu::visibility("default")]] Result cuMemHostGetFlags(unsigned *flags, void *pointer);
[[gnu::visibility("default")]] Result cuMemAllocPitch_v2(DevicePtr *pointer, std::size_t *pitch, std::size_t width,
                                                         std::size_t height, unsigned elementBytes);
[[gnu::visibility("default")]] Result cuMemcpyPeer(DevicePtr to, Context toContext, DevicePtr from, Context fromContext,
                                                   std::size_t bytes);
[[gnu::visibility("default")]] Result cuMemcpyPeerAsync(DevicePtr to, Context toContext, DevicePtr from,
                                                        Context fromContext, std::size_t bytes, Stream stream);
[[gnu::visibility("default")]] Result cuMemPrefetchAsync(DevicePtr pointer, std::size_t bytes, Device device,
                                                         Stream stream);
[[gnu::visibility("default")]] Result cuMemPrefetchAsync_v2(DevicePtr pointer, std::size_t bytes, MemoryLocation to,
                                                            unsigned flags, Stream stream);
[[gnu::visibility("default")]] Result cuMemAdvise(DevicePtr pointer, std::size_t bytes, int advice, Device device);
[[gnu::visibility("default")]] Result cuMemAdvise_v2(DevicePtr pointer, std::size_t bytes, int advice,
                                                     MemoryLocation at);
[[gnu::visibility("default")]] Result cuMemRangeGetAttribute(void *data, std::size_t bytes, int attribute,
                                                             DevicePtr pointer, std::size_t count);
[[gnu::visibility("default")]] Result cuMemRangeGetAttributes(void **data, std::size_t *bytes, int *attributes,
                                                              std::size_t number, DevicePtr pointer, std::size_t count);
[[gnu::visibility("default")]] Result cuMemAllocManaged(DevicePtr *pointer, std::size_t bytes, unsigned flags);
[[gnu::visibility("default")]] Result cuPointerGetAttributes(unsigned count, PointerAttribute *attributes, void **data,
                                                             DevicePtr pointer);
[[gnu::visibility("default")]] Result cuPointerSetAttribute(const void *value, PointerAttribute attribute,
                                                            DevicePtr pointer);
[[gnu::visibility("default")]] Result cuModuleLoadFatBinary(Module *module, const void *image);
[[gnu::visibility("default")]] Result cuModuleLoad(Module *module, const char *path);
[[gnu::visibility("default")]] Result cuModuleGetFunctionCount(unsigned *count, Module module);
[[gnu::visibility("default")]] Result cuModuleEnumerateFunctions(Function *functions, unsigned count, Module module);
[[gnu::visibility("default")]] Result cuOccupancyMaxPotentialBlockSize(int *minGrid, int *block, Function function,
                                                                       std::size_t (*sharedOfBlock)(int),
                                                                       std::size_t shared, int limit);
[[gnu::visibility("default")]] Result
cuOccupancyMaxPotentialBlockSizeWithFlags(int *minGrid, int *block, Function function,
                                          std::size_t (*sharedOfBlock)(int), std::size_t shared, int limit, unsigned);
[[gnu::visibility("default")]] Result cuOccupancyAvailableDynamicSMemPerBlock(std::size_t *bytes, Function function,
                                                                              int blocks, int threads);
[[gnu::visibility("default")]] Result cuOccupancyMaxActiveClusters(int *clusters, Function function,
                                                                   const LaunchConfig *config);
[[gnu::visibility("default")]] Result cuOccupancyMaxPotentialClusterSize(int *size, Function function,
                                                                         const LaunchConfig *config);
[[gnu::visibility("default")]] Result cuFuncGetParamInfo(Function function, std::size_t index, std::size_t *offset,
                                                         std::size_t *bytes);
[[gnu::visibility("default")]] Result cuFuncSetSharedMemConfig(Function function, int config);
[[gnu::visibility("default")]] Result cuFuncIsLoaded(int *loaded, Function function);
[[gnu::visibility("default")]] Result cuFuncLoad(Function function);
[[gnu::visibility("default")]] Result cuMemAllocFromPoolAsync(DevicePtr *pointer, std::size_t bytes, MemoryPool pool,
                                                              Stream stream);
[[gnu::visibility("default")]] Result cuDeviceGetDefaultMemPool(MemoryPool *pool, Device device);
[[gnu::visibility("default")]] Result cuDeviceGetMemPool(MemoryPool *pool, Device device);
[[gnu::visibility("default")]] Result cuDeviceSetMemPool(Device device, MemoryPool pool);
[[gnu::visibility("default")]] Result cuMemPoolCreate(MemoryPool *pool, const MemoryPoolProperties *properties);
[[gnu::visibility("default")]] Result cuMemPoolDestroy(MemoryPool pool);
[[gnu::visibility("default")]] Result cuMemPoolTrimTo(MemoryPool pool, std::size_t);
[[gnu::visibility("default")]] Result cuMemPoolGetAttribute(MemoryPool pool, int attribute, void *value);
[[gnu::visibility("default")]] Result cuMemPoolSetAttribute(MemoryPool pool, int attribute, void *value);
[[gnu::visibility("default")]] Result cuMemPoolSetAccess(MemoryPool pool, const void *, std::size_t);
[[gnu::visibility("default")]] Result cuMemPoolGetAccess(unsigned *flags, MemoryPool pool, MemoryLocation *location);
[[gnu::visibility("default")]] Result cuStreamGetId(Stream stream, unsigned long long *id);
[[gnu::visibility("default")]] Result cuStreamGetDevice(Stream stream, Device *device);
[[gnu::visibility("default")]] Result cuStreamGetCtx_v2(Stream stream, Context *context, void **green);
[[gnu::visibility("default")]] Result cuStreamCopyAttributes(Stream to, Stream from);
[[gnu::visibility("default")]] Result cuStreamAttachMemAsync(Stream stream, DevicePtr pointer, std::size_t,
                                                             unsigned flags);
[[gnu::visibility("default")]] Result cuStreamAddCallback(Stream stream, void (*function)(Stream, Result, void *),
                                                          void *data, unsigned flags);
[[gnu::visibility("default")]] Result cuEventRecordWithFlags(Event event, Stream stream, unsigned flags);
[[gnu::visibility("default")]] Result cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address,
                                                             const std::uint64_t *size, const std::uint64_t *strides,
                                                             const unsigned *box, const unsigned *elementStrides,
                                                             int interleave, int swizzle, int promotion, int fill);
}

} // namespace sage::cuda

namespace sage::sim {

struct CopyWork;
/// What a description of a copy asks for.
cuda::Result readCopy3D(const cuda::Memcpy3D &from, CopyWork &to);
/// Where a parameter lies in the packed arguments.
cuda::Result parameterInfo(const cuda::FunctionHandle &function, std::size_t index, std::size_t *offset,
                           std::size_t *bytes);

} // namespace sage::sim
