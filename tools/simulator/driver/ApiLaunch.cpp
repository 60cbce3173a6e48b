// Exports: kernel launches and their counters. A launch is checked as the driver does, runs to its end, and a violation
// becomes the context's sticky error.
#include <chrono>
#include <cstring>
#include <string>

#include "core/GridRunner.h"
#include "driver/Call.h"
#include "driver/Occupancy.h"

namespace sage::cuda {
namespace {

using namespace sim;

struct Request {
  std::array<std::uint32_t, 3> grid, block;
  std::uint32_t dynamicSharedBytes;
  Stream stream;
  bool cooperative = false;
  std::array<std::uint32_t, 3> cluster{1, 1, 1};
};

bool within(const std::array<std::uint32_t, 3> &v, const std::array<std::uint32_t, 3> &limit) {
  for (std::size_t i = 0; i < 3; ++i)
    if (v[i] == 0 || v[i] > limit[i]) return false;
  return true;
}

Result checkShape(const ContextHandle &c, const FunctionHandle &f, const Request &r) {
  const Program &p = *f.program;
  if (!within(r.grid, {2147483647u, 65535u, 65535u}) || !within(r.block, {1024u, 1024u, 64u}))
    return Result::InvalidValue;
  const std::uint64_t threads = std::uint64_t{r.block[0]} * r.block[1] * r.block[2];
  if (threads > 1024) return Result::InvalidValue;
  if (p.requiredThreads[0] != 0 && p.requiredThreads != r.block) return Result::InvalidValue;
  if (p.maxThreads[0] != 0 && threads > std::uint64_t{p.maxThreads[0]} * p.maxThreads[1] * p.maxThreads[2])
    return Result::InvalidValue;
  if (r.dynamicSharedBytes > static_cast<std::uint32_t>(f.maxDynamicSharedBytes)) return Result::InvalidValue;
  if (p.staticSharedBytes + std::uint64_t{r.dynamicSharedBytes} > static_cast<std::uint64_t>(c.spec->sharedOptinBytes))
    return Result::InvalidValue;
  if (r.cluster != std::array<std::uint32_t, 3>{1, 1, 1})
    return c.spec->major < 9 ? Result::InvalidValue : Result::NotSupported;
  return Result::Success;
}

/// Arguments come one by one, or packed in a buffer described by EXTRA.
Result collectArguments(const Program &p, void **parameters, void **extra, std::vector<std::uint8_t> &to) {
  to.assign(p.parameterBytes, 0);
  if (parameters && extra) return Result::InvalidValue;
  if (p.parameters.empty()) return Result::Success;
  if (parameters) {
    for (std::size_t i = 0; i < p.parameters.size(); ++i) {
      if (!parameters[i]) return Result::InvalidValue;
      std::memcpy(to.data() + p.parameters[i].offset, parameters[i], p.parameters[i].bytes);
    }
    return Result::Success;
  }
  if (!extra) return Result::InvalidValue;
  const void *buffer = nullptr;
  std::size_t bytes = 0;
  for (std::size_t i = 0; reinterpret_cast<std::uintptr_t>(extra[i]) != launchParamEnd; i += 2) {
    const auto key = reinterpret_cast<std::uintptr_t>(extra[i]);
    if (key == launchParamBufferPointer)
      buffer = extra[i + 1];
    else if (key == launchParamBufferSize)
      bytes = *static_cast<const std::size_t *>(extra[i + 1]);
    else
      return Result::InvalidValue;
  }
  if (!buffer || bytes < p.parameterBytes) return Result::InvalidValue;
  std::memcpy(to.data(), buffer, p.parameterBytes);
  return Result::Success;
}

void count(DriverState &s, const Program &p, const LaunchOutcome &outcome, double seconds) {
  KernelCounters &k = s.counters[p.name];
  ++k.launches;
  k.hostSeconds += seconds;
  k.total.add(outcome.counters);
}

Result launch(const char *name, Function function, const Request &request, void **parameters, void **extra) {
  return streamCall(name, request.stream, [&](DriverState &s, ContextHandle &c) {
    if (!s.functions.contains(function)) return Result::InvalidHandle;
    if (const Result shape = checkShape(c, *function, request); shape != Result::Success) return shape;
    const Program &p = *function->program;
    Launch l;
    if (const Result r = collectArguments(p, parameters, extra, l.parameters); r != Result::Success) return r;
    l.program = &p;
    l.memory = c.memory.get();
    l.grid = request.grid;
    l.threads = request.block;
    l.dynamicSharedBytes = request.dynamicSharedBytes;
    l.smCount = static_cast<std::uint32_t>(c.spec->smCount);
    const int perSm =
        blocksPerSm(*c.spec, p, request.block[0] * request.block[1] * request.block[2], request.dynamicSharedBytes);
    l.residentBlocks = static_cast<std::uint32_t>(std::max(1, perSm)) * l.smCount;
    l.gridId = ++c.launches;
    l.timeoutSeconds = environment().timeoutSeconds;
    if (request.cooperative && std::uint64_t{l.grid[0]} * l.grid[1] * l.grid[2] > l.residentBlocks)
      return Result::CooperativeLaunchTooLarge;
    const auto start = std::chrono::steady_clock::now();
    const LaunchOutcome outcome = runGrid(l);
    count(s, p, outcome, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (outcome.violation) {
      raise(s, c, *outcome.violation);
      return c.sticky;
    }
    return outcome.outOfMemory ? Result::OutOfMemory : Result::Success;
  });
}

Result readAttributes(const LaunchConfig &config, Request &request) {
  if (config.numAttributes > 0 && !config.attributes) return Result::InvalidValue;
  for (unsigned i = 0; i < config.numAttributes; ++i) {
    const LaunchAttribute &a = config.attributes[i];
    if (a.id == LaunchAttributeId::ClusterDimension)
      request.cluster = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
    if (a.id == LaunchAttributeId::Cooperative) request.cooperative = a.value.cooperative != 0;
    // The others change when a kernel starts, not what it computes.
  }
  return Result::Success;
}

} // namespace

extern "C" {

Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                      unsigned blockY, unsigned blockZ, unsigned dynamicSharedBytes, Stream stream, void **parameters,
                      void **extra) {
  return launch("cuLaunchKernel", function,
                {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynamicSharedBytes, stream}, parameters, extra);
}

Result cuLaunchKernelEx(const LaunchConfig *config, Function function, void **parameters, void **extra) {
  if (!config) return traced("cuLaunchKernelEx", Result::InvalidValue);
  Request request{{config->gridDimX, config->gridDimY, config->gridDimZ},
                  {config->blockDimX, config->blockDimY, config->blockDimZ},
                  config->sharedMemBytes,
                  config->stream};
  if (const Result r = readAttributes(*config, request); r != Result::Success) return traced("cuLaunchKernelEx", r);
  return launch("cuLaunchKernelEx", function, request, parameters, extra);
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
