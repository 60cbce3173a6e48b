// See JitOptions.h.
#include "driver/JitOptions.h"

#include <algorithm>
#include <cstring>

namespace sage::sim {
namespace {

using cuda::JitOption;
using cuda::Result;

constexpr int endOfOptions = 36; // of a 13.0 driver
constexpr std::uint32_t registersOfBlock = 65536;

// A target is a number such as 80, and more for those with a suffix: 0x10000 for "a", 0x20000 for "f".
Result checkTarget(std::uint32_t target, const DeviceSpec &spec) {
  const std::uint32_t number = target & 0xffff, suffix = target >> 16;
  if (number < 10 || number > 200 || suffix > 2) return Result::InvalidValue;
  const auto device = static_cast<std::uint32_t>(spec.major * 10 + spec.minor);
  // Machine code runs on its architecture and on newer ones of the same generation.
  const bool runs = suffix != 0 ? number == device : number / 10 == device / 10 && number <= device;
  return runs ? Result::Success : Result::NoBinaryForGpu;
}

} // namespace

void **JitOptions::find(JitOption wanted) const {
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == wanted) return &values[i];
  return nullptr;
}

std::uint32_t JitOptions::number(JitOption wanted, std::uint32_t otherwise) const {
  void **slot = find(wanted);
  return slot ? static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(*slot)) : otherwise;
}

Result JitOptions::check(const DeviceSpec *spec) {
  if (count > 0 && (!options || !values)) return Result::InvalidValue;
  for (unsigned i = 0; i < count; ++i) {
    if (static_cast<int>(options[i]) < 0 || static_cast<int>(options[i]) >= endOfOptions) return Result::InvalidValue;
    if (options[i] >= JitOption::GlobalSymbolNames && options[i] <= JitOption::GlobalSymbolCount)
      return Result::NotSupported;
  }
  if (number(JitOption::OptimizationLevel, 0) > 4 || number(JitOption::FallbackStrategy, 0) > 1)
    return Result::InvalidValue;
  if (!find(JitOption::Target)) return Result::Success;
  if (find(JitOption::ThreadsPerBlock)) return Result::InvalidValue;
  return spec ? checkTarget(number(JitOption::Target, 0), *spec) : Result::Success;
}

JitSettings JitOptions::settings() const {
  JitSettings result{number(JitOption::MaxRegisters, 0)};
  // Registers are handed out by eights.
  if (const std::uint32_t threads = number(JitOption::ThreadsPerBlock, 0); threads > 0 && result.maxRegisters == 0)
    result.maxRegisters = std::max(8u, registersOfBlock / std::min(threads, 1024u) / 8 * 8);
  return result;
}

void JitOptions::finish(const std::string &info, const std::string &error) {
  put(JitOption::InfoLogBuffer, JitOption::InfoLogBufferSizeBytes, info);
  put(JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes, error);
  if (void **slot = find(JitOption::WallTime)) {
    const float milliseconds =
        std::chrono::duration<float, std::milli>(std::chrono::steady_clock::now() - start).count();
    *slot = nullptr;
    std::memcpy(slot, &milliseconds, sizeof milliseconds);
  }
  if (void **slot = find(JitOption::ThreadsPerBlock))
    *slot = reinterpret_cast<void *>(std::uintptr_t{std::min(number(JitOption::ThreadsPerBlock, 0), 1024u)});
}

void JitOptions::put(JitOption buffer, JitOption size, const std::string &text) {
  void **to = find(buffer), **bytes = find(size);
  if (!to || !*to || !bytes) return;
  const auto room = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(*bytes));
  if (room == 0) return;
  const std::size_t used = std::min<std::size_t>(text.size(), room - 1);
  std::memcpy(*to, text.data(), used);
  static_cast<char *>(*to)[used] = '\0';
  *bytes = reinterpret_cast<void *>(static_cast<std::uintptr_t>(used ? used + 1 : 0));
}

} // namespace sage::sim
