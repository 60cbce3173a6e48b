// Exports: memory pools and stream-ordered allocation. A pool here keeps settings and counts; memory comes straight
// from the device and goes straight back, so that a stale pointer is always found.
#include <algorithm>
#include <cstring>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/GraphCalls.h"
#include "driver/Memory.h"

namespace sage::cuda {

struct MemoryPoolHandle {
  int ordinal = 0;
  bool isDefault = false;
  int reuse[3] = {1, 1, 1};
  std::uint64_t releaseThreshold = 0;
  std::uint64_t used = 0, usedHigh = 0;
  std::unordered_set<DevicePtr> live{};
};

namespace {

using namespace sim;

enum PoolAttribute : int {
  ReuseFollowEventDependencies = 1,
  ReuseAllowInternalDependencies = 3,
  ReleaseThreshold = 4,
  ReservedMemCurrent = 5,
  ReservedMemHigh = 6,
  UsedMemCurrent = 7,
  UsedMemHigh = 8,
};

MemoryPool defaultPool(DriverState &s, int ordinal) {
  for (void *p : s.pools) {
    auto *pool = static_cast<MemoryPool>(p);
    if (pool->isDefault && pool->ordinal == ordinal) return pool;
  }
  auto *pool = new MemoryPoolHandle{ordinal, true};
  s.pools.insert(pool);
  return pool;
}

Result allocateFrom(DriverState &s, ContextHandle &c, MemoryPool pool, DevicePtr *pointer, std::size_t bytes,
                    Stream stream) {
  if (!pointer) return Result::InvalidValue;
  if (capturing(s, stream)) {
    Work work;
    if (const Result made = graphMemory(c, bytes, work); made != Result::Success) return made;
    *pointer = std::get<AllocateWork>(work).pointer;
    return submit(s, c, stream, std::move(work));
  }
  const Result result = allocateDevice(c, pointer, bytes);
  if (result != Result::Success) return result;
  pool->used += bytes;
  pool->usedHigh = std::max(pool->usedHigh, pool->used);
  pool->live.insert(*pointer);
  return Result::Success;
}

void forget(DriverState &s, const ContextHandle &c, DevicePtr pointer) {
  const Allocation *a = c.memory->findLive(pointer);
  for (void *p : s.pools) {
    auto *pool = static_cast<MemoryPool>(p);
    if (pool->live.erase(pointer) && a) pool->used -= std::min<std::uint64_t>(pool->used, a->bytes);
  }
}

} // namespace
} // namespace sage::cuda

namespace sage::sim {

cuda::Result releasePooled(DriverState &s, cuda::ContextHandle &c, cuda::DevicePtr pointer) {
  cuda::forget(s, c, pointer);
  return cuda::releaseDevice(c, pointer);
}

cuda::Result graphMemory(cuda::ContextHandle &c, std::size_t bytes, Work &work) {
  cuda::DevicePtr pointer = 0;
  if (const auto result = cuda::allocateDevice(c, &pointer, bytes); result != cuda::Result::Success) return result;
  work = AllocateWork{pointer, bytes, std::make_shared<GraphMemory>(c.memory, pointer, c.ordinal)};
  return cuda::Result::Success;
}

cuda::Result forgetContents(cuda::ContextHandle &c, cuda::DevicePtr pointer) {
  Allocation *a = c.memory->findLive(pointer);
  if (!a) return cuda::Result::InvalidValue; // the caller freed it meanwhile
  if (a->shadow) std::memset(a->shadow, shadowUnset, a->bytes);
  return cuda::Result::Success;
}

} // namespace sage::sim

namespace sage::cuda {
namespace {

template <class Body> Result poolCall(const char *name, MemoryPool pool, Body body) {
  return initialisedCall(name, [&](DriverState &s) { return s.pools.contains(pool) ? body(s) : Result::InvalidValue; });
}

Result poolOfDevice(const char *name, MemoryPool *pool, Device device) {
  return deviceCall(name, device, [&](DriverState &s, ContextHandle &c) {
    if (!pool) return Result::InvalidValue;
    *pool = defaultPool(s, c.ordinal);
    return Result::Success;
  });
}

} // namespace

extern "C" {

Result cuMemAllocAsync(DevicePtr *pointer, std::size_t bytes, Stream stream) {
  return streamCall("cuMemAllocAsync", stream, [&](DriverState &s, ContextHandle &c) {
    return allocateFrom(s, c, defaultPool(s, c.ordinal), pointer, bytes, stream);
  });
}
Result cuMemAllocFromPoolAsync(DevicePtr *pointer, std::size_t bytes, MemoryPool pool, Stream stream) {
  return streamCall("cuMemAllocFromPoolAsync", stream, [&](DriverState &s, ContextHandle &c) {
    if (!s.pools.contains(pool) || pool->ordinal != c.ordinal) return Result::InvalidValue;
    return allocateFrom(s, c, pool, pointer, bytes, stream);
  });
}
Result cuMemFreeAsync(DevicePtr pointer, Stream stream) {
  return streamCall("cuMemFreeAsync", stream, [&](DriverState &s, ContextHandle &c) {
    if (pointer == 0) return Result::InvalidValue;
    const StreamHandle *captured = capturing(s, stream);
    if (!captured) return releasePooled(s, c, pointer);
    Work work;
    const Result read = readFree(c, *captured->capture->graph, pointer, work);
    return read == Result::Success ? submit(s, c, stream, std::move(work)) : read;
  });
}

Result cuDeviceGetDefaultMemPool(MemoryPool *pool, Device device) {
  return poolOfDevice("cuDeviceGetDefaultMemPool", pool, device);
}
Result cuDeviceGetMemPool(MemoryPool *pool, Device device) { return poolOfDevice("cuDeviceGetMemPool", pool, device); }
Result cuDeviceSetMemPool(Device device, MemoryPool pool) {
  return deviceCall("cuDeviceSetMemPool", device, [&](DriverState &s, ContextHandle &c) {
    if (!s.pools.contains(pool) || pool->ordinal != c.ordinal) return Result::InvalidValue;
    return pool->isDefault ? Result::Success : Result::NotSupported;
  });
}

Result cuMemPoolCreate(MemoryPool *pool, const MemoryPoolProperties *properties) {
  return initialisedCall("cuMemPoolCreate", [&](DriverState &s) {
    constexpr int pinnedMemory = 1, deviceLocation = 1;
    if (!pool || !properties || properties->allocationType != pinnedMemory) return Result::InvalidValue;
    if (properties->handleTypes != 0 || properties->location.type != deviceLocation) return Result::NotSupported;
    const int ordinal = properties->location.id;
    if (ordinal < 0 || static_cast<std::size_t>(ordinal) >= s.devices.size()) return Result::InvalidDevice;
    *pool = new MemoryPoolHandle{ordinal};
    s.pools.insert(*pool);
    return Result::Success;
  });
}
Result cuMemPoolDestroy(MemoryPool pool) {
  return poolCall("cuMemPoolDestroy", pool, [&](DriverState &s) {
    if (pool->isDefault) return Result::InvalidValue;
    s.pools.erase(pool);
    delete pool;
    return Result::Success;
  });
}
Result cuMemPoolTrimTo(MemoryPool pool, std::size_t) {
  return poolCall("cuMemPoolTrimTo", pool, [](DriverState &) { return Result::Success; });
}

Result cuMemPoolGetAttribute(MemoryPool pool, int attribute, void *value) {
  return poolCall("cuMemPoolGetAttribute", pool, [&](DriverState &) {
    if (!value) return Result::InvalidValue;
    if (attribute >= ReuseFollowEventDependencies && attribute <= ReuseAllowInternalDependencies) {
      std::memcpy(value, &pool->reuse[attribute - 1], sizeof(int));
      return Result::Success;
    }
    std::uint64_t answer = 0;
    switch (attribute) {
    case ReleaseThreshold: answer = pool->releaseThreshold; break;
    case ReservedMemCurrent:
    case UsedMemCurrent: answer = pool->used; break;
    case ReservedMemHigh:
    case UsedMemHigh: answer = pool->usedHigh; break;
    default: return Result::InvalidValue;
    }
    std::memcpy(value, &answer, sizeof answer);
    return Result::Success;
  });
}
Result cuMemPoolSetAttribute(MemoryPool pool, int attribute, void *value) {
  return poolCall("cuMemPoolSetAttribute", pool, [&](DriverState &) {
    if (!value) return Result::InvalidValue;
    if (attribute >= ReuseFollowEventDependencies && attribute <= ReuseAllowInternalDependencies) {
      std::memcpy(&pool->reuse[attribute - 1], value, sizeof(int));
      return Result::Success;
    }
    std::uint64_t wanted = 0;
    std::memcpy(&wanted, value, sizeof wanted);
    if (attribute == ReleaseThreshold) return pool->releaseThreshold = wanted, Result::Success;
    // The marks can only be reset.
    if ((attribute != ReservedMemHigh && attribute != UsedMemHigh) || wanted != 0) return Result::InvalidValue;
    pool->usedHigh = pool->used;
    return Result::Success;
  });
}

Result cuMemPoolSetAccess(MemoryPool pool, const void *, std::size_t) {
  return poolCall("cuMemPoolSetAccess", pool, [](DriverState &) { return Result::Success; });
}
Result cuMemPoolGetAccess(unsigned *flags, MemoryPool pool, MemoryLocation *location) {
  return poolCall("cuMemPoolGetAccess", pool, [&](DriverState &) {
    if (!flags || !location) return Result::InvalidValue;
    *flags = location->type == 1 && location->id == pool->ordinal ? 3 : 0; // reading and writing, or nothing
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
