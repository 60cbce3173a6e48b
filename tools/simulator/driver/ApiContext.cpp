// Exports: primary and created contexts, the threads' stacks of them, their limits.
#include <algorithm>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Graph.h"
#include "memory/DeviceHeap.h"

namespace sage::cuda {
namespace {

using namespace sim;

// Scheduling (0 to 4), mapped host memory, larger local memory, core dumps, synchronous memory operations.
constexpr unsigned knownContextFlags = 0xff;

/// A call about a context; null means the current one.
template <class Body> Result namedContextCall(const char *name, Context context, Body body) {
  if (!context) return contextCall(name, body);
  return initialisedCall(name, [&](DriverState &s) {
    if (!isContext(s, context)) return Result::InvalidContext;
    if (context->retained == 0) return Result::ContextIsDestroyed;
    return context->sticky != Result::Success ? context->sticky : body(s, *context);
  });
}

const std::size_t *limitDefault(Limit limit) {
  // Stack, printf, heap, nesting depth and pending launches of device-side launches, L2 granularity, persisting L2.
  static constexpr std::size_t values[] = {1024, 1 << 20, 8 << 20, 2, 2048, 64, 0};
  const int number = static_cast<int>(limit);
  return number >= 0 && number < 7 ? &values[number] : nullptr;
}

Result createContext(const char *name, Context *context, unsigned flags, Device device) {
  return deviceCall(name, device, [&](DriverState &s, ContextHandle &primary) {
    if (!context || (flags & ~knownContextFlags)) return Result::InvalidValue;
    auto created = std::make_unique<ContextHandle>();
    created->ordinal = primary.ordinal;
    created->spec = primary.spec;
    created->memory = primary.memory;
    created->isPrimary = false;
    created->retained = 1;
    created->flags = flags;
    *context = created.get();
    s.created.push_back(std::move(created));
    contextStack().push_back(*context);
    return Result::Success;
  });
}

void destroy(DriverState &s, ContextHandle &c) {
  destroyContents(s, c);
  c.retained = 0;
  auto &stack = contextStack();
  if (!stack.empty() && stack.back() == &c) stack.pop_back();
}

} // namespace

extern "C" {

Result cuDevicePrimaryCtxRetain(Context *context, Device device) {
  return deviceCall("cuDevicePrimaryCtxRetain", device, [&](DriverState &, ContextHandle &c) {
    if (!context) return Result::InvalidValue;
    ++c.retained;
    *context = &c;
    return Result::Success;
  });
}

Result cuDevicePrimaryCtxRelease_v2(Device device) {
  return deviceCall("cuDevicePrimaryCtxRelease_v2", device, [&](DriverState &s, ContextHandle &c) {
    if (c.retained == 0) return Result::InvalidContext;
    if (--c.retained == 0) destroyContents(s, c);
    return Result::Success;
  });
}

Result cuDevicePrimaryCtxReset_v2(Device device) {
  return deviceCall("cuDevicePrimaryCtxReset_v2", device, [&](DriverState &s, ContextHandle &c) {
    destroyContents(s, c);
    return Result::Success;
  });
}

Result cuDevicePrimaryCtxGetState(Device device, unsigned *flags, int *active) {
  return deviceCall("cuDevicePrimaryCtxGetState", device, [&](DriverState &, ContextHandle &c) {
    if (!flags || !active) return Result::InvalidValue;
    *flags = c.flags;
    *active = c.retained > 0;
    return Result::Success;
  });
}

Result cuDevicePrimaryCtxSetFlags_v2(Device device, unsigned flags) {
  return deviceCall("cuDevicePrimaryCtxSetFlags_v2", device, [&](DriverState &, ContextHandle &c) {
    if (flags & ~knownContextFlags) return Result::InvalidValue;
    c.flags = flags;
    return Result::Success;
  });
}

Result cuCtxSetCurrent(Context context) {
  return initialisedCall("cuCtxSetCurrent", [&](DriverState &s) {
    auto &stack = contextStack();
    if (!context) {
      if (!stack.empty()) stack.pop_back();
      return Result::Success;
    }
    if (!isContext(s, context)) return Result::InvalidContext;
    if (stack.empty())
      stack.push_back(context);
    else
      stack.back() = context;
    return Result::Success;
  });
}

Result cuCtxGetCurrent(Context *context) {
  return initialisedCall("cuCtxGetCurrent", [&](DriverState &) {
    if (!context) return Result::InvalidValue;
    *context = currentContext();
    return Result::Success;
  });
}

Result cuCtxPushCurrent_v2(Context context) {
  return initialisedCall("cuCtxPushCurrent_v2", [&](DriverState &s) {
    if (!isContext(s, context)) return Result::InvalidContext;
    contextStack().push_back(context);
    return Result::Success;
  });
}

Result cuCtxPopCurrent_v2(Context *context) {
  return initialisedCall("cuCtxPopCurrent_v2", [&](DriverState &) {
    auto &stack = contextStack();
    if (stack.empty()) return Result::InvalidContext;
    if (context) *context = stack.back();
    stack.pop_back();
    return Result::Success;
  });
}

Result cuCtxGetDevice(Device *device) {
  return contextCall("cuCtxGetDevice", [&](DriverState &, ContextHandle &c) {
    if (!device) return Result::InvalidValue;
    *device = c.ordinal;
    return Result::Success;
  });
}
Result cuCtxGetDevice_v2(Device *device, Context context) {
  return namedContextCall("cuCtxGetDevice_v2", context, [&](DriverState &, ContextHandle &c) {
    if (!device) return Result::InvalidValue;
    *device = c.ordinal;
    return Result::Success;
  });
}

Result cuCtxGetApiVersion(Context context, unsigned *version) {
  return namedContextCall("cuCtxGetApiVersion", context, [&](DriverState &, ContextHandle &) {
    if (!version) return Result::InvalidValue;
    *version = 3020;
    return Result::Success;
  });
}

Result cuCtxGetId(Context context, unsigned long long *id) {
  return namedContextCall("cuCtxGetId", context, [&](DriverState &s, ContextHandle &c) {
    if (!id) return Result::InvalidValue;
    if (c.id == 0) c.id = s.nextId++;
    *id = c.id;
    return Result::Success;
  });
}

Result cuCtxSynchronize() {
  return contextCall("cuCtxSynchronize", [](DriverState &s, ContextHandle &) {
    return legacyBlocked(s) ? Result::StreamCaptureUnsupported : Result::Success;
  });
}
Result cuCtxSynchronize_v2(Context context) {
  return namedContextCall("cuCtxSynchronize_v2", context, [](DriverState &s, ContextHandle &) {
    return legacyBlocked(s) ? Result::StreamCaptureUnsupported : Result::Success;
  });
}

Result cuCtxGetFlags(unsigned *flags) {
  return contextCall("cuCtxGetFlags", [&](DriverState &, ContextHandle &c) {
    if (!flags) return Result::InvalidValue;
    *flags = c.flags;
    return Result::Success;
  });
}
Result cuCtxSetFlags(unsigned flags) {
  return contextCall("cuCtxSetFlags", [&](DriverState &, ContextHandle &c) {
    if (flags & ~knownContextFlags) return Result::InvalidValue;
    c.flags = flags;
    return Result::Success;
  });
}

Result cuCtxGetLimit(std::size_t *value, Limit limit) {
  return contextCall("cuCtxGetLimit", [&](DriverState &, ContextHandle &c) {
    const std::size_t *initial = limitDefault(limit);
    if (!value) return Result::InvalidValue;
    if (!initial) return Result::UnsupportedLimit;
    const auto set = c.limits.find(static_cast<int>(limit));
    *value = set == c.limits.end() ? *initial : set->second;
    return Result::Success;
  });
}

Result cuCtxSetLimit(Limit limit, std::size_t value) {
  return contextCall("cuCtxSetLimit", [&](DriverState &, ContextHandle &c) {
    if (!limitDefault(limit)) return Result::UnsupportedLimit;
    constexpr std::size_t mostStackBytes = 512 << 10; // of a thread's local memory
    if (limit == Limit::StackSize && value > mostStackBytes) return Result::InvalidValue;
    if (limit == Limit::MallocHeapSize && c.memory->heap().isInUse()) return Result::InvalidValue;
    c.limits[static_cast<int>(limit)] = value;
    return Result::Success;
  });
}

Result cuCtxGetCacheConfig(int *config) {
  return contextCall("cuCtxGetCacheConfig", [&](DriverState &, ContextHandle &c) {
    if (!config) return Result::InvalidValue;
    *config = c.cacheConfig;
    return Result::Success;
  });
}
Result cuCtxSetCacheConfig(int config) {
  return contextCall("cuCtxSetCacheConfig", [&](DriverState &, ContextHandle &c) {
    if (config < 0 || config > 3) return Result::InvalidValue;
    c.cacheConfig = config;
    return Result::Success;
  });
}
Result cuCtxGetSharedMemConfig(int *config) {
  return contextCall("cuCtxGetSharedMemConfig", [&](DriverState &, ContextHandle &) {
    if (!config) return Result::InvalidValue;
    *config = 1; // four-byte banks, which is all that devices have had since sm_50
    return Result::Success;
  });
}
Result cuCtxSetSharedMemConfig(int config) {
  return contextCall("cuCtxSetSharedMemConfig", [&](DriverState &, ContextHandle &) {
    return config >= 0 && config <= 2 ? Result::Success : Result::InvalidValue;
  });
}
Result cuCtxResetPersistingL2Cache() {
  return contextCall("cuCtxResetPersistingL2Cache", [](DriverState &, ContextHandle &) { return Result::Success; });
}

Result cuCtxCreate_v2(Context *context, unsigned flags, Device device) {
  return createContext("cuCtxCreate_v2", context, flags, device);
}
Result cuCtxCreate_v3(Context *context, void *affinity, int count, unsigned flags, Device device) {
  if (affinity || count != 0) return traced("cuCtxCreate_v3", Result::NotSupported);
  return createContext("cuCtxCreate_v3", context, flags, device);
}
Result cuCtxCreate_v4(Context *context, const ContextCreateParameters *parameters, unsigned flags, Device device) {
  if (parameters && (parameters->affinityCount != 0 || parameters->graphics))
    return traced("cuCtxCreate_v4", Result::NotSupported);
  return createContext("cuCtxCreate_v4", context, flags, device);
}

Result cuCtxDestroy_v2(Context context) {
  return initialisedCall("cuCtxDestroy_v2", [&](DriverState &s) {
    if (!isContext(s, context) || context->isPrimary || context->retained == 0) return Result::InvalidContext;
    destroy(s, *context);
    return Result::Success;
  });
}

Result cuCtxAttach(Context *context, unsigned flags) {
  return contextCall("cuCtxAttach", [&](DriverState &, ContextHandle &c) {
    if (!context || flags != 0) return Result::InvalidValue;
    ++c.retained;
    *context = &c;
    return Result::Success;
  });
}
Result cuCtxDetach(Context context) {
  return initialisedCall("cuCtxDetach", [&](DriverState &s) {
    if (!context || context != currentContext() || context->retained == 0) return Result::InvalidContext;
    if (context->retained > 1)
      --context->retained;
    else if (context->isPrimary)
      context->retained = 0, destroyContents(s, *context);
    else
      destroy(s, *context);
    return Result::Success;
  });
}

Result cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  return contextCall("cuCtxGetStreamPriorityRange", [&](DriverState &, ContextHandle &) {
    if (least) *least = 0;
    if (greatest) *greatest = -5;
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
