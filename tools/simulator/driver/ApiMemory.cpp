// Exports: device and pinned host memory, copies, fills, pointer queries.
#include <cstdlib>
#include <cstring>

#include "driver/Call.h"

namespace sage::cuda {
namespace {

using namespace sim;

/// The live allocation that holds [ADDRESS, ADDRESS + BYTES), or null.
Allocation *rangeOf(ContextHandle &c, DevicePtr address, std::size_t bytes) {
  Allocation *a = c.memory->findLive(address);
  return a && a->contains(address, bytes) ? a : nullptr;
}

void markWritten(Allocation &a, DevicePtr address, std::size_t bytes) {
  if (a.shadow) std::memset(a.shadow + (address - a.base), shadowSet, bytes);
}

Result toDevice(ContextHandle &c, DevicePtr to, const void *from, std::size_t bytes) {
  if (bytes == 0) return Result::Success;
  Allocation *a = rangeOf(c, to, bytes);
  if (!a || !from) return Result::InvalidValue;
  std::memcpy(a->data + (to - a->base), from, bytes);
  markWritten(*a, to, bytes);
  return Result::Success;
}

Result toHost(ContextHandle &c, void *to, DevicePtr from, std::size_t bytes) {
  if (bytes == 0) return Result::Success;
  const Allocation *a = rangeOf(c, from, bytes);
  if (!a || !to) return Result::InvalidValue;
  std::memcpy(to, a->data + (from - a->base), bytes);
  return Result::Success;
}

// What was never written stays so in the copy.
Result onDevice(ContextHandle &c, DevicePtr to, DevicePtr from, std::size_t bytes) {
  if (bytes == 0) return Result::Success;
  Allocation *target = rangeOf(c, to, bytes);
  const Allocation *source = rangeOf(c, from, bytes);
  if (!target || !source) return Result::InvalidValue;
  std::memmove(target->data + (to - target->base), source->data + (from - source->base), bytes);
  if (!target->shadow) return Result::Success;
  if (source->shadow)
    std::memmove(target->shadow + (to - target->base), source->shadow + (from - source->base), bytes);
  else
    markWritten(*target, to, bytes);
  return Result::Success;
}

// Unified addressing: what lies in no allocation of the device is the host's.
Result anywhere(ContextHandle &c, DevicePtr to, DevicePtr from, std::size_t bytes) {
  const bool toDev = c.memory->find(to) != nullptr, fromDev = c.memory->find(from) != nullptr;
  if (toDev && fromDev) return onDevice(c, to, from, bytes);
  if (toDev) return toDevice(c, to, reinterpret_cast<const void *>(from), bytes);
  if (fromDev) return toHost(c, reinterpret_cast<void *>(to), from, bytes);
  if (bytes == 0) return Result::Success;
  if (to == 0 || from == 0) return Result::InvalidValue;
  std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
  return Result::Success;
}

template <class T> Result fill(ContextHandle &c, DevicePtr to, T value, std::size_t count) {
  if (count == 0) return Result::Success;
  if (to % sizeof(T) != 0 || count > SIZE_MAX / sizeof(T)) return Result::InvalidValue;
  Allocation *a = rangeOf(c, to, count * sizeof(T));
  if (!a) return Result::InvalidValue;
  std::uint8_t *at = a->data + (to - a->base);
  for (std::size_t i = 0; i < count; ++i) std::memcpy(at + i * sizeof(T), &value, sizeof(T));
  markWritten(*a, to, count * sizeof(T));
  return Result::Success;
}

Result allocate(ContextHandle &c, DevicePtr *pointer, std::size_t bytes) {
  if (!pointer || bytes == 0) return Result::InvalidValue;
  const Allocation *a = c.memory->allocate(bytes, Allocation::Kind::Device);
  if (!a) return Result::OutOfMemory;
  *pointer = a->base;
  return Result::Success;
}

Result release(ContextHandle &c, DevicePtr pointer) {
  if (pointer == 0) return Result::Success;
  const Allocation *a = c.memory->find(pointer);
  if (!a || a->base != pointer || a->kind != Allocation::Kind::Device) return Result::InvalidValue;
  return c.memory->free(pointer) ? Result::Success : Result::InvalidValue;
}

Result allocateHost(ContextHandle &c, void **pointer, std::size_t bytes) {
  if (!pointer || bytes == 0) return Result::InvalidValue;
  constexpr std::size_t page = 4096;
  if (bytes > SIZE_MAX - page) return Result::OutOfMemory;
  void *p = std::aligned_alloc(page, (bytes + page - 1) / page * page);
  if (!p) return Result::OutOfMemory;
  c.pinned[p] = true;
  c.memory->mapHost(p, bytes);
  *pointer = p;
  return Result::Success;
}

template <class T> Result answer(void *data, T value) {
  std::memcpy(data, &value, sizeof value);
  return Result::Success;
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
  return contextCall("cuMemAlloc_v2", [&](DriverState &, ContextHandle &c) { return allocate(c, pointer, bytes); });
}
Result cuMemFree_v2(DevicePtr pointer) {
  return contextCall("cuMemFree_v2", [&](DriverState &, ContextHandle &c) { return release(c, pointer); });
}
Result cuMemAllocAsync(DevicePtr *pointer, std::size_t bytes, Stream stream) {
  return streamCall("cuMemAllocAsync", stream,
                    [&](DriverState &, ContextHandle &c) { return allocate(c, pointer, bytes); });
}
Result cuMemFreeAsync(DevicePtr pointer, Stream stream) {
  return streamCall("cuMemFreeAsync", stream, [&](DriverState &, ContextHandle &c) { return release(c, pointer); });
}

Result cuMemGetAddressRange_v2(DevicePtr *base, std::size_t *bytes, DevicePtr pointer) {
  return contextCall("cuMemGetAddressRange_v2", [&](DriverState &, ContextHandle &c) {
    const Allocation *a = c.memory->findLive(pointer);
    if (!a) return Result::NotFound;
    if (base) *base = a->base;
    if (bytes) *bytes = a->bytes;
    return Result::Success;
  });
}

Result cuMemAllocHost_v2(void **pointer, std::size_t bytes) {
  return contextCall("cuMemAllocHost_v2",
                     [&](DriverState &, ContextHandle &c) { return allocateHost(c, pointer, bytes); });
}
Result cuMemHostAlloc(void **pointer, std::size_t bytes, unsigned) {
  return contextCall("cuMemHostAlloc",
                     [&](DriverState &, ContextHandle &c) { return allocateHost(c, pointer, bytes); });
}
Result cuMemFreeHost(void *pointer) {
  return contextCall("cuMemFreeHost", [&](DriverState &, ContextHandle &c) {
    const auto found = c.pinned.find(pointer);
    if (found == c.pinned.end() || !found->second) return Result::InvalidValue;
    c.pinned.erase(found);
    c.memory->free(reinterpret_cast<std::uintptr_t>(pointer));
    std::free(pointer);
    return Result::Success;
  });
}
Result cuMemHostRegister_v2(void *pointer, std::size_t bytes, unsigned) {
  return contextCall("cuMemHostRegister_v2", [&](DriverState &, ContextHandle &c) {
    if (!pointer || bytes == 0) return Result::InvalidValue;
    if (c.pinned.contains(pointer)) return Result::HostMemoryAlreadyRegistered;
    c.pinned[pointer] = false;
    c.memory->mapHost(pointer, bytes);
    return Result::Success;
  });
}
Result cuMemHostUnregister(void *pointer) {
  return contextCall("cuMemHostUnregister", [&](DriverState &, ContextHandle &c) {
    const auto found = c.pinned.find(pointer);
    if (found == c.pinned.end() || found->second) return Result::HostMemoryNotRegistered;
    c.pinned.erase(found);
    c.memory->free(reinterpret_cast<std::uintptr_t>(pointer));
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

Result cuMemcpy(DevicePtr to, DevicePtr from, std::size_t bytes) {
  return contextCall("cuMemcpy", [&](DriverState &, ContextHandle &c) { return anywhere(c, to, from, bytes); });
}
Result cuMemcpyAsync(DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream) {
  return streamCall("cuMemcpyAsync", stream,
                    [&](DriverState &, ContextHandle &c) { return anywhere(c, to, from, bytes); });
}
Result cuMemcpyHtoD_v2(DevicePtr to, const void *from, std::size_t bytes) {
  return contextCall("cuMemcpyHtoD_v2", [&](DriverState &, ContextHandle &c) { return toDevice(c, to, from, bytes); });
}
Result cuMemcpyDtoH_v2(void *to, DevicePtr from, std::size_t bytes) {
  return contextCall("cuMemcpyDtoH_v2", [&](DriverState &, ContextHandle &c) { return toHost(c, to, from, bytes); });
}
Result cuMemcpyDtoD_v2(DevicePtr to, DevicePtr from, std::size_t bytes) {
  return contextCall("cuMemcpyDtoD_v2", [&](DriverState &, ContextHandle &c) { return onDevice(c, to, from, bytes); });
}
Result cuMemcpyHtoDAsync_v2(DevicePtr to, const void *from, std::size_t bytes, Stream stream) {
  return streamCall("cuMemcpyHtoDAsync_v2", stream,
                    [&](DriverState &, ContextHandle &c) { return toDevice(c, to, from, bytes); });
}
Result cuMemcpyDtoHAsync_v2(void *to, DevicePtr from, std::size_t bytes, Stream stream) {
  return streamCall("cuMemcpyDtoHAsync_v2", stream,
                    [&](DriverState &, ContextHandle &c) { return toHost(c, to, from, bytes); });
}
Result cuMemcpyDtoDAsync_v2(DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream) {
  return streamCall("cuMemcpyDtoDAsync_v2", stream,
                    [&](DriverState &, ContextHandle &c) { return onDevice(c, to, from, bytes); });
}

Result cuMemsetD8_v2(DevicePtr to, unsigned char value, std::size_t count) {
  return contextCall("cuMemsetD8_v2", [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}
Result cuMemsetD16_v2(DevicePtr to, unsigned short value, std::size_t count) {
  return contextCall("cuMemsetD16_v2", [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}
Result cuMemsetD32_v2(DevicePtr to, unsigned value, std::size_t count) {
  return contextCall("cuMemsetD32_v2", [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}
Result cuMemsetD8Async(DevicePtr to, unsigned char value, std::size_t count, Stream stream) {
  return streamCall("cuMemsetD8Async", stream,
                    [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}
Result cuMemsetD16Async(DevicePtr to, unsigned short value, std::size_t count, Stream stream) {
  return streamCall("cuMemsetD16Async", stream,
                    [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}
Result cuMemsetD32Async(DevicePtr to, unsigned value, std::size_t count, Stream stream) {
  return streamCall("cuMemsetD32Async", stream,
                    [&](DriverState &, ContextHandle &c) { return fill(c, to, value, count); });
}

Result cuPointerGetAttribute(void *data, PointerAttribute attribute, DevicePtr pointer) {
  return contextCall("cuPointerGetAttribute", [&](DriverState &, ContextHandle &c) {
    if (!data) return Result::InvalidValue;
    const Allocation *a = c.memory->findLive(pointer);
    if (!a) return Result::InvalidValue;
    const bool pinned = a->kind == Allocation::Kind::Pinned;
    switch (attribute) {
    case PointerAttribute::Context: return answer<Context>(data, &c);
    case PointerAttribute::MemoryType: return answer(data, pinned ? MemoryType::Host : MemoryType::Device);
    case PointerAttribute::DevicePointer: return answer(data, pointer);
    case PointerAttribute::HostPointer: return pinned ? answer(data, pointer) : Result::InvalidValue;
    case PointerAttribute::IsManaged: return answer<unsigned>(data, 0);
    case PointerAttribute::DeviceOrdinal: return answer(data, c.ordinal);
    case PointerAttribute::RangeStartAddress: return answer<DevicePtr>(data, a->base);
    case PointerAttribute::RangeSize: return answer<std::size_t>(data, a->bytes);
    case PointerAttribute::Mapped: return answer<unsigned>(data, 1);
    }
    return Result::InvalidValue;
  });
}

} // extern "C"

} // namespace sage::cuda
