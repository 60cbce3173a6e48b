// Exports: where managed memory shall lie. It lies in the host's memory, so nothing moves; what was advised is
// remembered and told again.
#include <algorithm>
#include <cstring>

#include "driver/Call.h"
#include "driver/Exports.h"

namespace sage::cuda {
namespace {

using namespace sim;

enum LocationType : int { NoLocation = 0, OnDevice = 1, OnHost = 2, OnHostNuma = 3, OnHostNumaCurrent = 4 };
enum Advice : int {
  SetReadMostly = 1,
  UnsetReadMostly = 2,
  SetPreferredLocation = 3,
  UnsetPreferredLocation = 4,
  SetAccessedBy = 5,
  UnsetAccessedBy = 6,
};
enum RangeAttribute : int {
  ReadMostly = 1,
  PreferredLocation = 2,
  AccessedBy = 3,
  LastPrefetchLocation = 4,
  PreferredLocationType = 5,
  PreferredLocationId = 6,
  LastPrefetchLocationType = 7,
  LastPrefetchLocationId = 8,
};
constexpr int cpu = -1, nowhere = -2;

MemoryLocation ofDevice(Device device) {
  return device == cpu ? MemoryLocation{OnHost, 0} : MemoryLocation{OnDevice, device};
}

bool isKnown(const DriverState &s, const MemoryLocation &at) {
  if (at.type == OnDevice) return at.id >= 0 && static_cast<std::size_t>(at.id) < s.devices.size();
  return at.type >= OnHost && at.type <= OnHostNumaCurrent;
}

/// The advice about managed memory that holds all of a range; null when there is none.
ManagedAdvice *adviceOf(DriverState &s, ContextHandle &c, DevicePtr pointer, std::size_t bytes) {
  const Allocation *a = bytes == 0 ? nullptr : c.memory->findLive(pointer);
  return a && a->contains(pointer, bytes) && isManaged(s, a->base) ? &s.advice[a->base] : nullptr;
}

Result prefetch(const char *name, DevicePtr pointer, std::size_t bytes, MemoryLocation to, Stream stream) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &c) {
    if (!isKnown(s, to)) return Result::InvalidDevice;
    ManagedAdvice *advice = adviceOf(s, c, pointer, bytes);
    if (!advice) return Result::InvalidValue;
    advice->prefetched = {to.type, to.id};
    return Result::Success;
  });
}

Result advise(const char *name, DevicePtr pointer, std::size_t bytes, int advice, MemoryLocation at) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    ManagedAdvice *known = adviceOf(s, c, pointer, bytes);
    if (!known || advice < SetReadMostly || advice > UnsetAccessedBy) return Result::InvalidValue;
    const bool needsLocation = advice == SetPreferredLocation || advice >= SetAccessedBy;
    if (needsLocation && !isKnown(s, at)) return Result::InvalidDevice;
    const int device = at.type == OnDevice ? at.id : cpu;
    switch (advice) {
    case SetReadMostly:
    case UnsetReadMostly: known->readMostly = advice == SetReadMostly; break;
    case SetPreferredLocation: known->preferred = {at.type, at.id}; break;
    case UnsetPreferredLocation: known->preferred = {NoLocation, 0}; break;
    case SetAccessedBy: known->accessedBy.insert(device); break;
    default: known->accessedBy.erase(device); break;
    }
    return Result::Success;
  });
}

int deviceNumber(const std::pair<int, int> &at) {
  return at.first == NoLocation ? nowhere : at.first == OnDevice ? at.second : cpu;
}

Result answer(const ManagedAdvice &advice, int attribute, void *data, std::size_t bytes) {
  auto *to = static_cast<int *>(data);
  if (!data || bytes < sizeof(int) || bytes % sizeof(int) != 0) return Result::InvalidValue;
  if (attribute != AccessedBy && bytes != sizeof(int)) return Result::InvalidValue;
  switch (attribute) {
  case ReadMostly: *to = advice.readMostly; return Result::Success;
  case PreferredLocation: *to = deviceNumber(advice.preferred); return Result::Success;
  case LastPrefetchLocation: *to = deviceNumber(advice.prefetched); return Result::Success;
  case PreferredLocationType: *to = advice.preferred.first; return Result::Success;
  case PreferredLocationId: *to = advice.preferred.second; return Result::Success;
  case LastPrefetchLocationType: *to = advice.prefetched.first; return Result::Success;
  case LastPrefetchLocationId: *to = advice.prefetched.second; return Result::Success;
  case AccessedBy: {
    std::fill_n(to, bytes / sizeof(int), nowhere);
    std::size_t i = 0;
    for (const int device : advice.accessedBy)
      if (i < bytes / sizeof(int)) to[i++] = device;
    return Result::Success;
  }
  default: return Result::InvalidValue;
  }
}

} // namespace

extern "C" {

Result cuMemPrefetchAsync(DevicePtr pointer, std::size_t bytes, Device device, Stream stream) {
  return prefetch("cuMemPrefetchAsync", pointer, bytes, ofDevice(device), stream);
}
Result cuMemPrefetchAsync_v2(DevicePtr pointer, std::size_t bytes, MemoryLocation to, unsigned flags, Stream stream) {
  if (flags != 0) return traced("cuMemPrefetchAsync_v2", Result::InvalidValue);
  return prefetch("cuMemPrefetchAsync_v2", pointer, bytes, to, stream);
}
Result cuMemAdvise(DevicePtr pointer, std::size_t bytes, int advice, Device device) {
  return advise("cuMemAdvise", pointer, bytes, advice, ofDevice(device));
}
Result cuMemAdvise_v2(DevicePtr pointer, std::size_t bytes, int advice, MemoryLocation at) {
  return advise("cuMemAdvise_v2", pointer, bytes, advice, at);
}
Result cuMemRangeGetAttribute(void *data, std::size_t bytes, int attribute, DevicePtr pointer, std::size_t count) {
  return contextCall("cuMemRangeGetAttribute", [&](DriverState &s, ContextHandle &c) {
    const ManagedAdvice *advice = adviceOf(s, c, pointer, count);
    return advice ? answer(*advice, attribute, data, bytes) : Result::InvalidValue;
  });
}
Result cuMemRangeGetAttributes(void **data, std::size_t *bytes, int *attributes, std::size_t number, DevicePtr pointer,
                               std::size_t count) {
  return contextCall("cuMemRangeGetAttributes", [&](DriverState &s, ContextHandle &c) {
    const ManagedAdvice *advice = adviceOf(s, c, pointer, count);
    if (!advice || !data || !bytes || !attributes || number == 0) return Result::InvalidValue;
    for (std::size_t i = 0; i < number; ++i)
      if (const Result r = answer(*advice, attributes[i], data[i], bytes[i]); r != Result::Success) return r;
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
