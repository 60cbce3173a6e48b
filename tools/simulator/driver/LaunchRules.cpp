// See LaunchRules.h.
#include "driver/LaunchRules.h"

#include <cstring>

namespace sage::sim {
namespace {

using cuda::Result;
using Shape = std::array<std::uint32_t, 3>;

std::string text(const Shape &v) {
  return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
}
std::string text(std::uint64_t n) { return std::to_string(n); }

bool within(const Shape &v, const Shape &limit) {
  for (std::size_t i = 0; i < 3; ++i)
    if (v[i] == 0 || v[i] > limit[i]) return false;
  return true;
}

std::uint64_t product(const Shape &v) { return std::uint64_t{v[0]} * v[1] * v[2]; }

/// Empty, or what is wrong with the block.
std::string blockFault(const Program &p, const Shape &block) {
  constexpr Shape most{1024u, 1024u, 64u};
  const std::string has = "has a block of " + text(block) + " threads, ";
  if (!within(block, most)) return has + "which is outside of (1,1,1) to " + text(most);
  if (product(block) > 1024) return has + text(product(block)) + " in all; the limit is 1024";
  if (p.requiredThreads[0] != 0 && p.requiredThreads != block) return has + "but requires " + text(p.requiredThreads);
  if (p.maxThreads[0] != 0 && product(block) > product(p.maxThreads))
    return has + "but was compiled for at most " + text(product(p.maxThreads));
  return "";
}

std::string sharedFault(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, std::uint32_t dynamicBytes) {
  const std::uint32_t fixed = f.program->staticSharedBytes;
  const auto allowed = static_cast<std::uint32_t>(f.maxDynamicSharedBytes);
  const auto room = static_cast<std::uint64_t>(c.spec->sharedOptinBytes);
  if (dynamicBytes > allowed)
    return "asks for " + text(dynamicBytes) + " bytes of dynamic shared memory; it may have " + text(allowed) +
           " (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)";
  if (fixed + std::uint64_t{dynamicBytes} > room)
    return "needs " + text(fixed) + " bytes of static and " + text(dynamicBytes) +
           " of dynamic shared memory; a block of the device has " + text(room);
  return "";
}

Result unpack(const Program &p, void **extra, std::vector<std::uint8_t> &to) {
  const void *buffer = nullptr;
  std::size_t bytes = 0;
  for (std::size_t i = 0; reinterpret_cast<std::uintptr_t>(extra[i]) != cuda::launchParamEnd; i += 2) {
    const auto key = reinterpret_cast<std::uintptr_t>(extra[i]);
    if (key == cuda::launchParamBufferPointer)
      buffer = extra[i + 1];
    else if (key == cuda::launchParamBufferSize && extra[i + 1])
      bytes = *static_cast<const std::size_t *>(extra[i + 1]);
    else
      return refuse(Result::InvalidValue,
                    nameOf(p) + " is given `extra` with an entry that is neither buffer nor size");
  }
  if (!buffer) return refuse(Result::InvalidValue, nameOf(p) + " is given `extra` without a buffer");
  if (bytes < p.parameterBytes)
    return refuse(Result::InvalidValue, nameOf(p) + " takes " + text(p.parameterBytes) +
                                            " bytes of parameters, and the buffer has " + text(bytes));
  std::memcpy(to.data(), buffer, p.parameterBytes);
  return Result::Success;
}

} // namespace

std::string nameOf(const Program &program) { return "kernel '" + program.name + "'"; }

Result checkShape(const cuda::ContextHandle &c, const cuda::FunctionHandle &f, const KernelWork &w) {
  constexpr Shape most{2147483647u, 65535u, 65535u};
  std::string why =
      within(w.grid, most) ? "" : "has a grid of " + text(w.grid) + " blocks, outside of (1,1,1) to " + text(most);
  if (why.empty()) why = blockFault(*f.program, w.block);
  if (why.empty()) why = sharedFault(c, f, w.dynamicSharedBytes);
  return why.empty() ? Result::Success : refuse(Result::InvalidValue, nameOf(*f.program) + " " + why);
}

Result collectArguments(const Program &p, void **parameters, void **extra, std::vector<std::uint8_t> &to) {
  to.assign(p.parameterBytes, 0);
  if (parameters && extra) return refuse(Result::InvalidValue, nameOf(p) + " is given both `kernelParams` and `extra`");
  if (p.parameters.empty()) return Result::Success;
  if (!parameters && !extra)
    return refuse(Result::InvalidValue,
                  nameOf(p) + " takes " + text(p.parameters.size()) + " parameters and is given none");
  if (extra) return unpack(p, extra, to);
  for (std::size_t i = 0; i < p.parameters.size(); ++i) {
    if (!parameters[i])
      return refuse(Result::InvalidValue, nameOf(p) + " has no value (a null pointer) for parameter " + text(i) +
                                              ", the first being 0, of " + text(p.parameters.size()));
    std::memcpy(to.data() + p.parameters[i].offset, parameters[i], p.parameters[i].bytes);
  }
  return Result::Success;
}

} // namespace sage::sim
