// Exports: kernel launches, in all the ways that the driver's versions have had, and the counters. A launch runs to its
// end, and fails with a violation, which may become the context's sticky error.
#include <algorithm>
#include <cstring>
#include <string>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Graph.h"
#include "driver/LaunchRules.h"

namespace sage::cuda {
namespace {

using namespace sim;

Result launch(const char *name, Stream stream, KernelWork work, void **parameters, void **extra) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &c) {
    const FunctionHandle *function = functionOf(s, c, work.function);
    if (!function) return refuse(Result::InvalidHandle, "there is no such kernel in this context");
    if (const Result r = collectArguments(*function->program, parameters, extra, work.arguments); r != Result::Success)
      return r;
    return submit(s, c, stream, std::move(work));
  });
}

Result readAttributes(const LaunchConfig &config, KernelWork &work) {
  if (config.numAttributes > 0 && !config.attributes) return Result::InvalidValue;
  for (unsigned i = 0; i < config.numAttributes; ++i) {
    const LaunchAttribute &a = config.attributes[i];
    if (a.id == LaunchAttributeId::ClusterDimension)
      work.cluster = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
    if (a.id == LaunchAttributeId::ClusterSchedulingPolicyPreference &&
        (a.value.clusterSchedulingPolicyPreference < 0 || a.value.clusterSchedulingPolicyPreference > 2))
      return Result::InvalidValue;
    if (a.id == LaunchAttributeId::Cooperative) work.cooperative = a.value.cooperative != 0;
    // The others change when a kernel starts, not what it computes.
  }
  return Result::Success;
}

/// A call of the launch interface from before CUDA 4, which sets a function up piece by piece.
Result setupCall(const char *name, Function function, auto body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    FunctionHandle *f = functionOf(s, c, function);
    return f ? body(*f) : Result::InvalidHandle;
  });
}

Result setArgument(const char *name, Function function, int offset, const void *data, unsigned bytes) {
  return setupCall(name, function, [&](FunctionHandle &f) {
    constexpr std::size_t most = 32764;
    if (offset < 0 || !data || static_cast<std::size_t>(offset) + bytes > most) return Result::InvalidValue;
    const std::size_t end = static_cast<std::size_t>(offset) + bytes;
    if (f.packedArguments.size() < end) f.packedArguments.resize(end);
    std::memcpy(f.packedArguments.data() + offset, data, bytes);
    return Result::Success;
  });
}

Result launchPrepared(const char *name, Function function, int width, int height, Stream stream) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &c) {
    const FunctionHandle *f = functionOf(s, c, function);
    if (!f) return Result::InvalidHandle;
    if (width <= 0 || height <= 0) return refuse(Result::InvalidValue, nameOf(*f->program) + " has an empty grid");
    KernelWork work;
    work.function = function;
    work.grid = {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), 1};
    work.block = f->blockShape;
    work.dynamicSharedBytes = f->dynamicSharedBytes;
    work.arguments = f->packedArguments;
    return submit(s, c, stream, std::move(work));
  });
}

} // namespace

extern "C" {

Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                      unsigned blockY, unsigned blockZ, unsigned dynamicSharedBytes, Stream stream, void **parameters,
                      void **extra) {
  KernelWork work{function, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynamicSharedBytes};
  return launch("cuLaunchKernel", stream, std::move(work), parameters, extra);
}

Result cuLaunchKernelEx(const LaunchConfig *config, Function function, void **parameters, void **extra) {
  if (!config) return traced("cuLaunchKernelEx", Result::InvalidValue);
  KernelWork work{function,
                  {config->gridDimX, config->gridDimY, config->gridDimZ},
                  {config->blockDimX, config->blockDimY, config->blockDimZ},
                  config->sharedMemBytes};
  if (const Result r = readAttributes(*config, work); r != Result::Success) return traced("cuLaunchKernelEx", r);
  return launch("cuLaunchKernelEx", config->stream, std::move(work), parameters, extra);
}

Result cuLaunchCooperativeKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                                 unsigned blockY, unsigned blockZ, unsigned dynamicSharedBytes, Stream stream,
                                 void **parameters) {
  KernelWork work{function, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynamicSharedBytes};
  work.cooperative = true;
  return launch("cuLaunchCooperativeKernel", stream, std::move(work), parameters, nullptr);
}

Result cuFuncSetBlockShape(Function function, int x, int y, int z) {
  return setupCall("cuFuncSetBlockShape", function, [&](FunctionHandle &f) {
    if (x <= 0 || y <= 0 || z <= 0) return Result::InvalidValue;
    f.blockShape = {static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), static_cast<std::uint32_t>(z)};
    return Result::Success;
  });
}
Result cuFuncSetSharedSize(Function function, unsigned bytes) {
  return setupCall("cuFuncSetSharedSize", function, [&](FunctionHandle &f) {
    f.dynamicSharedBytes = bytes;
    return Result::Success;
  });
}
Result cuParamSetSize(Function function, unsigned bytes) {
  return setupCall("cuParamSetSize", function, [&](FunctionHandle &f) {
    if (bytes > 32764) return Result::InvalidValue;
    f.packedArguments.resize(bytes);
    return Result::Success;
  });
}
Result cuParamSeti(Function function, int offset, unsigned value) {
  return setArgument("cuParamSeti", function, offset, &value, sizeof value);
}
Result cuParamSetf(Function function, int offset, float value) {
  return setArgument("cuParamSetf", function, offset, &value, sizeof value);
}
Result cuParamSetv(Function function, int offset, void *data, unsigned bytes) {
  return setArgument("cuParamSetv", function, offset, data, bytes);
}
Result cuLaunch(Function function) { return launchPrepared("cuLaunch", function, 1, 1, nullptr); }
Result cuLaunchGrid(Function function, int width, int height) {
  return launchPrepared("cuLaunchGrid", function, width, height, nullptr);
}
Result cuLaunchGridAsync(Function function, int width, int height, Stream stream) {
  return launchPrepared("cuLaunchGridAsync", function, width, height, stream);
}

const char *sagesimCounters() {
  thread_local std::string text;
  plainCall("sagesimCounters", [&](DriverState &s) {
    text = countersJson(s.counters);
    return Result::Success;
  });
  return text.c_str();
}

} // extern "C"

} // namespace sage::cuda
