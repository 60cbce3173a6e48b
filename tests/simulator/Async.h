// What the tests of the asynchronous proxy share: kernels for sm_90a with dynamic shared memory `s`, waits at
// mbarriers, tensor maps as arguments.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "Device.h"
#include "tools/simulator/memory/TensorMap.h"

namespace sage::simtest {

/// A kernel k with registers %r0–%r19, %rd0–%rd19, %p0–%p5; %t is the thread's number.
std::string kernel90(const std::string &parameters, const std::string &body);

/// Waits at ADDRESS for the phase of PARITY.
std::string waitFor(const std::string &address, const std::string &parity);

/// A map as a kernel's parameter.
struct alignas(64) MapArgument {
  std::array<std::uint8_t, 128> bytes{};
  explicit MapArgument(const sim::TensorMap &map);
};

/// Copies BYTES of shared memory to the buffer p, by 32 threads.
std::string dump(unsigned bytes);

/// "{%d0, %d1, …}".
std::string registerList(const std::string &prefix, unsigned count);

} // namespace sage::simtest
