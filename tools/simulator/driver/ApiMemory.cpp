// Exports: device, managed and pinned host memory, pointer queries.
#include <cstdlib>
#include <cstring>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Memory.h"

namespace sage::cuda {

using namespace sim;

Result allocateDevice(ContextHandle &c, DevicePtr *pointer, std::size_t bytes) {
  if (!pointer || bytes == 0) return Result::InvalidValue;
  const Allocation *a = c.memory->allocate(bytes, Allocation::Kind::Device);
  if (!a) return Result::OutOfMemory;
  *pointer = a->base;
  c.allocations.insert(a->base);
  return Result::Success;
}

static Result releaseManaged(ContextHandle &c, DevicePtr pointer) {
  void *host = reinterpret_cast<void *>(static_cast<std::uintptr_t>(pointer));
  c.managed.erase(pointer);
  c.pinned.erase(host);
  unmapHost(state(), host);
  state().advice.erase(pointer);
  std::free(host);
  return Result::Success;
}

Result releaseDevice(ContextHandle &c, DevicePtr pointer) {
  if (pointer == 0) return Result::Success;
  if (c.managed.contains(pointer)) return releaseManaged(c, pointer);
  const Allocation *a = c.memory->find(pointer);
  if (!a || a->base != pointer || a->kind != Allocation::Kind::Device || a->freed) {
    reportFree(c, pointer);
    return Result::InvalidValue;
  }
  c.allocations.erase(pointer);
  return c.memory->free(pointer) ? Result::Success : Result::InvalidValue;
}

namespace {

Result allocateHost(DriverState &s, ContextHandle &c, void **pointer, std::size_t bytes, unsigned flags) {
  if (!pointer || bytes == 0) return Result::InvalidValue;
  constexpr std::size_t page = 4096;
  if (bytes > SIZE_MAX - page) return Result::OutOfMemory;
  void *p = std::aligned_alloc(page, (bytes + page - 1) / page * page);
  if (!p) return Result::OutOfMemory;
  c.pinned[p] = {true, flags, bytes};
  mapHost(s, p, bytes);
  *pointer = p;
  return Result::Success;
}

bool overlapsPinned(const ContextHandle &c, const void *pointer, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(pointer);
  for (const auto &[start, range] : c.pinned) {
    const auto other = reinterpret_cast<std::uintptr_t>(start);
    if (first < other + range.bytes && other < first + bytes) return true;
  }
  return false;
}

template <class T> Result answer(void *data, T value) {
  std::memcpy(data, &value, sizeof value);
  return Result::Success;
}

std::size_t pointerAttributeBytes(PointerAttribute attribute) {
  switch (attribute) {
  case PointerAttribute::Context:
  case PointerAttribute::DevicePointer:
  case PointerAttribute::HostPointer:
  case PointerAttribute::BufferId:
  case PointerAttribute::RangeStartAddress:
  case PointerAttribute::RangeSize:
  case PointerAttribute::AllowedHandleTypes:
  case PointerAttribute::MempoolHandle: return 8;
  case PointerAttribute::MemoryType:
  case PointerAttribute::IsManaged:
  case PointerAttribute::DeviceOrdinal:
  case PointerAttribute::SyncMemops:
  case PointerAttribute::IsLegacyIpcCapable:
  case PointerAttribute::Mapped:
  case PointerAttribute::AccessFlags:
  case PointerAttribute::IsGpuDirectRdmaCapable: return 4;
  }
  return 0;
}

Result pointerAttribute(DriverState &s, ContextHandle &current, void *data, PointerAttribute attribute,
                        DevicePtr pointer) {
  ContextHandle *owner = ownerOf(s, current, pointer);
  const Allocation *a = owner ? owner->memory->findLive(pointer) : nullptr;
  if (!a) return Result::InvalidValue;
  ContextHandle &c = *owner;
  const bool managed = isManaged(s, a->base), pinned = a->kind == Allocation::Kind::Pinned && !managed;
  switch (attribute) {
  case PointerAttribute::Context: return answer<Context>(data, &c);
  case PointerAttribute::MemoryType: return answer(data, pinned ? MemoryType::Host : MemoryType::Device);
  case PointerAttribute::DevicePointer: return answer(data, pointer);
  case PointerAttribute::HostPointer: return pinned || managed ? answer(data, pointer) : Result::InvalidValue;
  case PointerAttribute::BufferId: return answer<std::uint64_t>(data, a->serial);
  case PointerAttribute::IsManaged: return answer<unsigned>(data, managed);
  case PointerAttribute::DeviceOrdinal: return answer(data, c.ordinal);
  case PointerAttribute::RangeStartAddress: return answer<DevicePtr>(data, a->base);
  case PointerAttribute::RangeSize: return answer<std::size_t>(data, a->bytes);
  case PointerAttribute::Mapped: return answer<unsigned>(data, 1);
  case PointerAttribute::AccessFlags: return answer<unsigned>(data, 3); // reading and writing
  case PointerAttribute::SyncMemops:
  case PointerAttribute::IsLegacyIpcCapable:
  case PointerAttribute::IsGpuDirectRdmaCapable: return answer<unsigned>(data, 0);
  case PointerAttribute::AllowedHandleTypes:
  case PointerAttribute::MempoolHandle: return answer<std::uint64_t>(data, 0);
  }
  return Result::InvalidValue;
}

} // namespace

extern "C" {

Result cuMemGetInfo_v2(std::size_t *free, std::size_t *total) {
  return contextCall("cuMemGetInfo_v2", [&](DriverState &, ContextHandle &c) {
    if (!free || !total) return Result::InvalidValue;
    *total = c.memory->capacityBytes();
    *free = *total - c.memory->usedBytes();
    return Result::Success;
  });
}

Result cuMemAlloc_v2(DevicePtr *pointer, std::size_t bytes) {
  return contextCall("cuMemAlloc_v2",
                     [&](DriverState &, ContextHandle &c) { return allocateDevice(c, pointer, bytes); });
}
Result cuMemFree_v2(DevicePtr pointer) {
  return contextCall("cuMemFree_v2", [&](DriverState &, ContextHandle &c) { return releaseDevice(c, pointer); });
}
Result cuMemGetAddressRange_v2(DevicePtr *base, std::size_t *bytes, DevicePtr pointer) {
  return contextCall("cuMemGetAddressRange_v2", [&](DriverState &s, ContextHandle &c) {
    ContextHandle *owner = ownerOf(s, c, pointer);
    const Allocation *a = owner ? owner->memory->findLive(pointer) : nullptr;
    if (!a) return Result::NotFound;
    if (base) *base = a->base;
    if (bytes) *bytes = a->bytes;
    return Result::Success;
  });
}

Result cuMemAllocHost_v2(void **pointer, std::size_t bytes) {
  return contextCall("cuMemAllocHost_v2",
                     [&](DriverState &s, ContextHandle &c) { return allocateHost(s, c, pointer, bytes, 0); });
}
Result cuMemHostAlloc(void **pointer, std::size_t bytes, unsigned flags) {
  return contextCall("cuMemHostAlloc", [&](DriverState &s, ContextHandle &c) {
    return flags > 7 ? Result::InvalidValue : allocateHost(s, c, pointer, bytes, flags);
  });
}
Result cuMemFreeHost(void *pointer) {
  return contextCall("cuMemFreeHost", [&](DriverState &s, ContextHandle &c) {
    const auto found = c.pinned.find(pointer);
    if (found == c.pinned.end() || !found->second.allocated) return Result::InvalidValue;
    c.pinned.erase(found);
    unmapHost(s, pointer);
    std::free(pointer);
    return Result::Success;
  });
}
Result cuMemHostRegister_v2(void *pointer, std::size_t bytes, unsigned flags) {
  return contextCall("cuMemHostRegister_v2", [&](DriverState &s, ContextHandle &c) {
    constexpr unsigned knownFlags = 15; // portable, mapped, of an I/O device, read-only
    if (!pointer || bytes == 0 || (flags & ~knownFlags)) return Result::InvalidValue;
    if (overlapsPinned(c, pointer, bytes)) return Result::HostMemoryAlreadyRegistered;
    c.pinned[pointer] = {false, flags, bytes};
    mapHost(s, pointer, bytes);
    return Result::Success;
  });
}
Result cuMemHostUnregister(void *pointer) {
  return contextCall("cuMemHostUnregister", [&](DriverState &s, ContextHandle &c) {
    const auto found = c.pinned.find(pointer);
    if (found == c.pinned.end() || found->second.allocated) return Result::HostMemoryNotRegistered;
    c.pinned.erase(found);
    unmapHost(s, pointer);
    return Result::Success;
  });
}
Result cuMemHostGetDevicePointer_v2(DevicePtr *device, void *pointer, unsigned) {
  return contextCall("cuMemHostGetDevicePointer_v2", [&](DriverState &, ContextHandle &c) {
    const Allocation *a = c.memory->findLive(reinterpret_cast<std::uintptr_t>(pointer));
    if (!device || !a || a->kind != Allocation::Kind::Pinned) return Result::InvalidValue;
    *device = reinterpret_cast<std::uintptr_t>(pointer);
    return Result::Success;
  });
}

Result cuMemHostGetFlags(unsigned *flags, void *pointer) {
  return contextCall("cuMemHostGetFlags", [&](DriverState &, ContextHandle &c) {
    const auto found = c.pinned.find(pointer);
    if (!flags || found == c.pinned.end()) return Result::InvalidValue;
    *flags = found->second.flags | HostAllocDeviceMap;
    return Result::Success;
  });
}

Result cuMemAllocPitch_v2(DevicePtr *pointer, std::size_t *pitch, std::size_t width, std::size_t height,
                          unsigned elementBytes) {
  return contextCall("cuMemAllocPitch_v2", [&](DriverState &, ContextHandle &c) {
    if (!pitch || (elementBytes != 4 && elementBytes != 8 && elementBytes != 16)) return Result::InvalidValue;
    if (width == 0 || height == 0 || width > SIZE_MAX / 2) return Result::InvalidValue;
    const std::size_t rounded = (width + 511) / 512 * 512;
    if (rounded > SIZE_MAX / height) return Result::OutOfMemory;
    const Result result = allocateDevice(c, pointer, rounded * height);
    if (result == Result::Success) *pitch = rounded;
    return result;
  });
}

// Managed memory lies in the host's memory, where kernels reach it as they reach pinned memory.
Result cuMemAllocManaged(DevicePtr *pointer, std::size_t bytes, unsigned flags) {
  return contextCall("cuMemAllocManaged", [&](DriverState &s, ContextHandle &c) {
    if (!pointer || (flags != 1 && flags != 2)) return Result::InvalidValue;
    void *host = nullptr;
    const Result result = allocateHost(s, c, &host, bytes, 0);
    if (result != Result::Success) return result;
    *pointer = reinterpret_cast<std::uintptr_t>(host);
    c.managed.insert(*pointer);
    return Result::Success;
  });
}

Result cuPointerGetAttribute(void *data, PointerAttribute attribute, DevicePtr pointer) {
  return contextCall("cuPointerGetAttribute", [&](DriverState &s, ContextHandle &c) {
    return data ? pointerAttribute(s, c, data, attribute, pointer) : Result::InvalidValue;
  });
}

// A pointer that the driver does not know is no error here: its attributes are zero.
Result cuPointerGetAttributes(unsigned count, PointerAttribute *attributes, void **data, DevicePtr pointer) {
  return contextCall("cuPointerGetAttributes", [&](DriverState &s, ContextHandle &c) {
    if (count == 0 || !attributes || !data) return Result::InvalidValue;
    for (unsigned i = 0; i < count; ++i) {
      if (!data[i]) return Result::InvalidValue;
      const std::size_t bytes = pointerAttributeBytes(attributes[i]);
      if (bytes == 0) return Result::InvalidValue;
      if (pointerAttribute(s, c, data[i], attributes[i], pointer) != Result::Success) std::memset(data[i], 0, bytes);
    }
    return Result::Success;
  });
}

Result cuPointerSetAttribute(const void *value, PointerAttribute attribute, DevicePtr pointer) {
  return contextCall("cuPointerSetAttribute", [&](DriverState &, ContextHandle &c) {
    return value && attribute == PointerAttribute::SyncMemops && c.memory->findLive(pointer) ? Result::Success
                                                                                             : Result::InvalidValue;
  });
}

} // extern "C"

} // namespace sage::cuda
