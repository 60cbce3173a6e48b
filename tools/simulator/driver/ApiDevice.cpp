// Exports: initialisation, devices, contexts.
#include <algorithm>
#include <cstring>
#include <string>

#include "driver/Call.h"

namespace sage::cuda {
namespace {

using namespace sim;

constexpr int driverVersion = 13000;

std::string deviceName(const DeviceSpec &spec) { return "sagesim " + std::string(spec.arch); }

Result copyText(const std::string &text, char *to, int length) {
  if (!to || length <= 0) return Result::InvalidValue;
  const std::size_t count = std::min(text.size(), static_cast<std::size_t>(length) - 1);
  std::memcpy(to, text.data(), count);
  to[count] = '\0';
  return Result::Success;
}

Result fillUuid(Uuid *uuid, const ContextHandle &device) {
  if (!uuid) return Result::InvalidValue;
  std::memset(uuid->bytes, 0, sizeof uuid->bytes);
  const std::string text = "sagesim-" + std::string(device.spec->arch);
  std::memcpy(uuid->bytes, text.data(), std::min<std::size_t>(text.size(), 15));
  uuid->bytes[15] = static_cast<unsigned char>(device.ordinal);
  return Result::Success;
}

// What the context owned goes; its handles are stale from now on.
void destroyContents(DriverState &s, ContextHandle &c) {
  for (const auto &module : c.modules) {
    for (const auto &[name, function] : module->functions) s.functions.erase(function.get());
    s.modules.erase(module.get());
  }
  c.modules.clear();
  std::erase_if(s.streams, [&](void *p) {
    auto *stream = static_cast<StreamHandle *>(p);
    if (stream->context != &c) return false;
    delete stream;
    return true;
  });
  std::erase_if(s.events, [&](void *p) {
    auto *event = static_cast<EventHandle *>(p);
    if (event->context != &c) return false;
    delete event;
    return true;
  });
  for (const auto &[pointer, owned] : c.pinned)
    if (owned) std::free(pointer);
  c.pinned.clear();
  c.memory = std::make_unique<DeviceMemory>(c.memory->capacityBytes());
  c.sticky = Result::Success;
}

} // namespace

extern "C" {

Result sagesimConfigure(const char *devices) {
  return plainCall("sagesimConfigure", [&](DriverState &s) {
    if (!devices) return Result::InvalidValue;
    for (const auto &device : s.devices)
      if (device->retained > 0) return s.configured == devices ? Result::Success : Result::IllegalState;
    if (!makeDevices(s, devices)) {
      std::fprintf(stderr, "sagesim: unknown device in '%s'; known are %s\n", devices,
                   std::string(knownArchs()).c_str());
      return Result::InvalidValue;
    }
    s.configured = devices;
    return Result::Success;
  });
}

Result cuInit(unsigned flags) {
  return plainCall("cuInit", [&](DriverState &s) {
    if (flags != 0) return Result::InvalidValue;
    if (s.initialised) return Result::Success;
    if (s.devices.empty()) {
      const std::string names = environment().devices.empty() ? "sm_80" : environment().devices;
      if (!makeDevices(s, names)) {
        std::fprintf(stderr, "sagesim: unknown device in SAGESIM_DEVICES='%s'; known are %s\n", names.c_str(),
                     std::string(knownArchs()).c_str());
        return Result::NoDevice;
      }
    }
    s.initialised = true;
    return Result::Success;
  });
}

Result cuDriverGetVersion(int *version) {
  if (!version) return traced("cuDriverGetVersion", Result::InvalidValue);
  *version = driverVersion;
  return traced("cuDriverGetVersion", Result::Success);
}

Result cuDeviceGetCount(int *count) {
  return initialisedCall("cuDeviceGetCount", [&](DriverState &s) {
    if (!count) return Result::InvalidValue;
    *count = static_cast<int>(s.devices.size());
    return Result::Success;
  });
}

Result cuDeviceGet(Device *device, int ordinal) {
  return deviceCall("cuDeviceGet", ordinal, [&](DriverState &, ContextHandle &) {
    if (!device) return Result::InvalidValue;
    *device = ordinal;
    return Result::Success;
  });
}

Result cuDeviceGetName(char *name, int length, Device device) {
  return deviceCall("cuDeviceGetName", device,
                    [&](DriverState &, ContextHandle &c) { return copyText(deviceName(*c.spec), name, length); });
}

Result cuDeviceGetAttribute(int *value, DeviceAttribute attribute, Device device) {
  return deviceCall("cuDeviceGetAttribute", device, [&](DriverState &, ContextHandle &c) {
    const auto found = attributeOf(*c.spec, c.ordinal, attribute);
    if (!value || !found) return Result::InvalidValue;
    *value = *found;
    return Result::Success;
  });
}

Result cuDeviceGetUuid(Uuid *uuid, Device device) {
  return deviceCall("cuDeviceGetUuid", device, [&](DriverState &, ContextHandle &c) { return fillUuid(uuid, c); });
}
Result cuDeviceGetUuid_v2(Uuid *uuid, Device device) {
  return deviceCall("cuDeviceGetUuid_v2", device, [&](DriverState &, ContextHandle &c) { return fillUuid(uuid, c); });
}

Result cuDeviceTotalMem_v2(std::size_t *bytes, Device device) {
  return deviceCall("cuDeviceTotalMem_v2", device, [&](DriverState &, ContextHandle &c) {
    if (!bytes) return Result::InvalidValue;
    *bytes = c.memory->capacityBytes();
    return Result::Success;
  });
}

Result cuDeviceComputeCapability(int *major, int *minor, Device device) {
  return deviceCall("cuDeviceComputeCapability", device, [&](DriverState &, ContextHandle &c) {
    if (!major || !minor) return Result::InvalidValue;
    *major = c.spec->major;
    *minor = c.spec->minor;
    return Result::Success;
  });
}

Result cuDeviceGetPCIBusId(char *id, int length, Device device) {
  return deviceCall("cuDeviceGetPCIBusId", device, [&](DriverState &, ContextHandle &c) {
    char text[16];
    std::snprintf(text, sizeof text, "0000:%02x:00.0", static_cast<unsigned>(c.ordinal + 1));
    return copyText(text, id, length);
  });
}

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
    *flags = 0;
    *active = c.retained > 0;
    return Result::Success;
  });
}

Result cuDevicePrimaryCtxSetFlags_v2(Device device, unsigned) {
  return deviceCall("cuDevicePrimaryCtxSetFlags_v2", device,
                    [&](DriverState &, ContextHandle &) { return Result::Success; });
}

Result cuCtxSetCurrent(Context context) {
  return initialisedCall("cuCtxSetCurrent", [&](DriverState &s) {
    auto &stack = contextStack();
    if (!context) {
      if (!stack.empty()) stack.pop_back();
      return Result::Success;
    }
    const bool known =
        std::any_of(s.devices.begin(), s.devices.end(), [&](const auto &d) { return d.get() == context; });
    if (!known) return Result::InvalidContext;
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
    const bool known =
        std::any_of(s.devices.begin(), s.devices.end(), [&](const auto &d) { return d.get() == context; });
    if (!known) return Result::InvalidContext;
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

Result cuCtxGetApiVersion(Context, unsigned *version) {
  return initialisedCall("cuCtxGetApiVersion", [&](DriverState &) {
    if (!version) return Result::InvalidValue;
    *version = 3020;
    return Result::Success;
  });
}

Result cuCtxSynchronize() {
  return contextCall("cuCtxSynchronize", [](DriverState &, ContextHandle &) { return Result::Success; });
}

Result cuCtxGetLimit(std::size_t *value, Limit limit) {
  return contextCall("cuCtxGetLimit", [&](DriverState &, ContextHandle &) {
    if (!value) return Result::InvalidValue;
    switch (limit) {
    case Limit::StackSize: *value = 1024; return Result::Success;
    case Limit::PrintfFifoSize: *value = 1 << 20; return Result::Success;
    case Limit::MallocHeapSize: *value = 8 << 20; return Result::Success;
    }
    return Result::InvalidValue;
  });
}

Result cuCtxSetLimit(Limit limit, std::size_t) {
  return contextCall("cuCtxSetLimit", [&](DriverState &, ContextHandle &) {
    return limit >= Limit::StackSize && limit <= Limit::MallocHeapSize ? Result::Success : Result::InvalidValue;
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
