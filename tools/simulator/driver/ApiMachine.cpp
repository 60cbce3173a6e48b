// Exports: what lies around a device: its bus address, its older queries, the profiler's switches.
#include <cstdio>
#include <cstring>

#include "driver/Call.h"
#include "driver/Exports.h"

namespace sage::cuda {
namespace {

using namespace sim;

int attribute(const ContextHandle &c, DeviceAttribute a) { return attributeOf(*c.spec, c.ordinal, a).value_or(0); }

} // namespace

extern "C" {

Result cuDeviceGetByPCIBusId(Device *device, const char *id) {
  return initialisedCall("cuDeviceGetByPCIBusId", [&](DriverState &s) {
    unsigned domain = 0, bus = 0, slot = 0;
    if (!device || !id) return Result::InvalidValue;
    if (std::sscanf(id, "%x:%x:%x", &domain, &bus, &slot) != 3) {
      domain = 0;
      if (std::sscanf(id, "%x:%x", &bus, &slot) != 2) return Result::InvalidValue;
    }
    if (domain != 0 || slot != 0 || bus == 0 || bus > s.devices.size()) return Result::InvalidDevice;
    *device = static_cast<Device>(bus) - 1;
    return Result::Success;
  });
}

Result cuDeviceGetProperties(DeviceProperties *to, Device device) {
  return deviceCall("cuDeviceGetProperties", device, [&](DriverState &, ContextHandle &c) {
    using A = DeviceAttribute;
    if (!to) return Result::InvalidValue;
    *to = {attribute(c, A::MaxThreadsPerBlock),
           {attribute(c, A::MaxBlockDimX), attribute(c, A::MaxBlockDimY), attribute(c, A::MaxBlockDimZ)},
           {attribute(c, A::MaxGridDimX), attribute(c, A::MaxGridDimY), attribute(c, A::MaxGridDimZ)},
           attribute(c, A::MaxSharedMemoryPerBlock),
           attribute(c, A::TotalConstantMemory),
           attribute(c, A::WarpSize),
           attribute(c, A::MaxPitch),
           attribute(c, A::MaxRegistersPerBlock),
           attribute(c, A::ClockRateKhz),
           attribute(c, A::TextureAlignment)};
    return Result::Success;
  });
}

Result cuDeviceGetExecAffinitySupport(int *supported, int, Device device) {
  return deviceCall("cuDeviceGetExecAffinitySupport", device, [&](DriverState &, ContextHandle &) {
    if (!supported) return Result::InvalidValue;
    *supported = 0;
    return Result::Success;
  });
}

Result cuProfilerStart() {
  return contextCall("cuProfilerStart", [](DriverState &, ContextHandle &) { return Result::Success; });
}
Result cuProfilerStop() {
  return contextCall("cuProfilerStop", [](DriverState &, ContextHandle &) { return Result::Success; });
}

} // extern "C"

} // namespace sage::cuda
