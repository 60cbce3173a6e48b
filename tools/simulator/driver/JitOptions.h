// The options that come with code to load or link: what they ask of the compilation, and the logs and times that they
// want back. An option's slot holds a number by value, or a pointer; what comes back goes into the same slot.
//
// Optimisation level, debug and line information, cache mode and the further ones up to the newest are taken and change
// nothing: there is one way to decode, and messages use the line information that the text has. Options that a host
// program uses to place symbols itself are not supported.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "driver/DeviceTable.h"
#include "runtime/driver/CudaAbi.h"

namespace sage::sim {

/// What options change about the code.
struct JitSettings {
  unsigned maxRegisters = 0; ///< of a thread; 0: no limit
};

class JitOptions {
public:
  JitOptions(unsigned n, cuda::JitOption *o, void **v)
      : count(n), options(o), values(v), start(std::chrono::steady_clock::now()) {}

  /// InvalidValue for an unknown option, a number out of range or options that exclude each other; NoBinaryForGpu for a
  /// target that the device (null: any) cannot run.
  cuda::Result check(const DeviceSpec *spec);
  JitSettings settings() const;
  /// Hands the logs back, and what else was asked for: the time since this object was made, the block's threads.
  void finish(const std::string &info, const std::string &error);

private:
  void **find(cuda::JitOption wanted) const;
  std::uint32_t number(cuda::JitOption wanted, std::uint32_t otherwise) const;
  void put(cuda::JitOption buffer, cuda::JitOption size, const std::string &text);

  unsigned count;
  cuda::JitOption *options;
  void **values;
  std::chrono::steady_clock::time_point start;
};

} // namespace sage::sim
