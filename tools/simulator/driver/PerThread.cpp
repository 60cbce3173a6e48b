// The names that end in _ptsz: they do what their namesakes do, where a null stream means the calling thread's own
// default stream; and those in _ptds, of calls that name no stream and wait, on that same stream. A program gets them
// when it is compiled for per-thread default streams.
//
// Each one is a jump through a pointer to an instance of a template that exchanges the stream, so that the list below
// is all that there is to keep. They replace the weak definitions of Names.cpp, which jump to the namesake itself.
#include "driver/DefaultStream.h"
#include "driver/Exports.h"
#include "driver/GraphExports.h"
#include "driver/StreamMemory.h"

namespace sage::sim {
namespace {

thread_local bool ownsDefault = false;

} // namespace

Target waiting() { return {reinterpret_cast<cuda::Stream>(ownsDefault ? cuda::perThreadStreamValue : 0), true}; }
OwnDefaultStream::OwnDefaultStream() { ownsDefault = true; }
OwnDefaultStream::~OwnDefaultStream() { ownsDefault = false; }

cuda::Result submitTo(DriverState &s, cuda::ContextHandle &context, const Target &target, Work work) {
  cuda::StreamHandle *recorded = target.waits ? capturing(s, target.stream) : nullptr;
  if (!recorded) return submit(s, context, target.stream, std::move(work));
  recorded->capture->invalid = true;
  return cuda::Result::StreamCaptureUnsupported;
}

} // namespace sage::sim

namespace sage::cuda {
namespace {

template <class T> T ownStream(T argument) { return argument; }
template <> Stream ownStream(Stream stream) { return stream ? stream : reinterpret_cast<Stream>(perThreadStreamValue); }

template <auto function> struct PerThread;
template <class... A, Result (*function)(A...)> struct PerThread<function> {
  static Result call(A... arguments) { return function(ownStream(arguments)...); }
};

// The stream of this one is inside its description.
template <> struct PerThread<&cuLaunchKernelEx> {
  static Result call(const LaunchConfig *config, Function function, void **parameters, void **extra) {
    if (!config) return cuLaunchKernelEx(config, function, parameters, extra);
    LaunchConfig own = *config;
    own.stream = ownStream(own.stream);
    return cuLaunchKernelEx(&own, function, parameters, extra);
  }
};

template <auto function> struct Waiting;
template <class... A, Result (*function)(A...)> struct Waiting<function> {
  static Result call(A... arguments) {
    const sim::OwnDefaultStream own;
    return function(arguments...);
  }
};

} // namespace
} // namespace sage::cuda

#if defined(__x86_64__)
#define SAGESIM_JUMP_THROUGH(pointer) "jmp *" #pointer "(%rip)"
#elif defined(__aarch64__)
#define SAGESIM_JUMP_THROUGH(pointer) "adrp x16, " #pointer "; ldr x16, [x16, :lo12:" #pointer "]; br x16"
#endif

extern "C" {
#define PER_THREAD(name)                                                                                               \
  [[gnu::visibility("hidden"), gnu::used]] auto *sagesim_##name = &sage::cuda::PerThread<&sage::cuda::name>::call;     \
  [[gnu::naked, gnu::visibility("default")]] int name##_ptsz() { __asm__(SAGESIM_JUMP_THROUGH(sagesim_##name)); }
PER_THREAD(cuEventRecord)
PER_THREAD(cuEventRecordWithFlags)
PER_THREAD(cuGraphLaunch)
PER_THREAD(cuGraphUpload)
PER_THREAD(cuLaunchCooperativeKernel)
PER_THREAD(cuLaunchHostFunc)
PER_THREAD(cuLaunchKernel)
PER_THREAD(cuLaunchKernelEx)
PER_THREAD(cuMemAllocAsync)
PER_THREAD(cuMemAllocFromPoolAsync)
PER_THREAD(cuMemFreeAsync)
PER_THREAD(cuMemPrefetchAsync)
PER_THREAD(cuMemPrefetchAsync_v2)
PER_THREAD(cuMemcpy2DAsync_v2)
PER_THREAD(cuMemcpy3DAsync_v2)
PER_THREAD(cuMemcpyAsync)
PER_THREAD(cuMemcpyBatchAsync)
PER_THREAD(cuMemcpyBatchAsync_v2)
PER_THREAD(cuMemcpyDtoDAsync_v2)
PER_THREAD(cuMemcpyDtoHAsync_v2)
PER_THREAD(cuMemcpyHtoDAsync_v2)
PER_THREAD(cuMemcpy3DPeerAsync)
PER_THREAD(cuMemcpyPeerAsync)
PER_THREAD(cuMemsetD16Async)
PER_THREAD(cuMemsetD2D16Async)
PER_THREAD(cuMemsetD2D32Async)
PER_THREAD(cuMemsetD2D8Async)
PER_THREAD(cuMemsetD32Async)
PER_THREAD(cuMemsetD8Async)
PER_THREAD(cuStreamAddCallback)
PER_THREAD(cuStreamAttachMemAsync)
PER_THREAD(cuStreamBatchMemOp)
PER_THREAD(cuStreamBatchMemOp_v2)
PER_THREAD(cuStreamBeginCapture)
PER_THREAD(cuStreamBeginCaptureToGraph)
PER_THREAD(cuStreamBeginCapture_v2)
PER_THREAD(cuStreamCopyAttributes)
PER_THREAD(cuStreamEndCapture)
PER_THREAD(cuStreamGetCaptureInfo)
PER_THREAD(cuStreamGetCaptureInfo_v2)
PER_THREAD(cuStreamGetCaptureInfo_v3)
PER_THREAD(cuStreamGetCtx)
PER_THREAD(cuStreamGetCtx_v2)
PER_THREAD(cuStreamGetDevice)
PER_THREAD(cuStreamGetFlags)
PER_THREAD(cuStreamGetId)
PER_THREAD(cuStreamGetPriority)
PER_THREAD(cuStreamIsCapturing)
PER_THREAD(cuStreamQuery)
PER_THREAD(cuStreamSynchronize)
PER_THREAD(cuStreamUpdateCaptureDependencies)
PER_THREAD(cuStreamUpdateCaptureDependencies_v2)
PER_THREAD(cuStreamWaitEvent)
PER_THREAD(cuStreamWaitValue32)
PER_THREAD(cuStreamWaitValue32_v2)
PER_THREAD(cuStreamWaitValue64)
PER_THREAD(cuStreamWaitValue64_v2)
PER_THREAD(cuStreamWriteValue32)
PER_THREAD(cuStreamWriteValue32_v2)
PER_THREAD(cuStreamWriteValue64)
PER_THREAD(cuStreamWriteValue64_v2)
#undef PER_THREAD

#define WAITING(name, target)                                                                                          \
  [[gnu::visibility("hidden"), gnu::used]] auto *sagesim_##name##_ptds =                                               \
      &sage::cuda::Waiting<&sage::cuda::target>::call;                                                                 \
  [[gnu::naked, gnu::visibility("default")]] int name##_ptds() { __asm__(SAGESIM_JUMP_THROUGH(sagesim_##name##_ptds)); }
WAITING(cuMemcpy, cuMemcpy)
WAITING(cuMemcpy2DUnaligned_v2, cuMemcpy2D_v2)
WAITING(cuMemcpy2D_v2, cuMemcpy2D_v2)
WAITING(cuMemcpy3DPeer, cuMemcpy3DPeer)
WAITING(cuMemcpy3D_v2, cuMemcpy3D_v2)
WAITING(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2)
WAITING(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2)
WAITING(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2)
WAITING(cuMemcpyPeer, cuMemcpyPeer)
WAITING(cuMemsetD16_v2, cuMemsetD16_v2)
WAITING(cuMemsetD2D16_v2, cuMemsetD2D16_v2)
WAITING(cuMemsetD2D32_v2, cuMemsetD2D32_v2)
WAITING(cuMemsetD2D8_v2, cuMemsetD2D8_v2)
WAITING(cuMemsetD32_v2, cuMemsetD32_v2)
WAITING(cuMemsetD8_v2, cuMemsetD8_v2)
#undef WAITING
}
