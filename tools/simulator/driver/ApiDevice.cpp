// Exports: initialisation and devices.
#include <pthread.h>

#include <cstdlib>
#include <algorithm>
#include <cstring>
#include <string>

#include "driver/Call.h"

namespace sage::cuda {
namespace {

using namespace sim;

void reportLeaksAtExit() {
  const DriverState &s = state();
  for (const auto &c : s.devices) reportLeaks(*c);
  for (const auto &c : s.created) reportLeaks(*c);
}

constexpr int driverVersion = 13000;

// As with the real driver, the child of a process that has used it cannot: its threads are gone.
bool forked = false;
void afterFork() {
  forked = true;
  state().initialised = false;
}

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

} // namespace

extern "C" {

Result sagesimConfigure(const char *devices) {
  return plainCall("sagesimConfigure", [&](DriverState &s) {
    if (!devices) return Result::InvalidValue;
    const auto inUse = [](const auto &c) { return c->retained > 0; };
    if (std::any_of(s.devices.begin(), s.devices.end(), inUse) ||
        std::any_of(s.created.begin(), s.created.end(), inUse))
      return s.configured == devices ? Result::Success : Result::IllegalState;
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
    if (forked) return Result::NotInitialized;
    if (s.initialised) return Result::Success;
    if (s.devices.empty()) {
      const std::string names = environment().devices.empty() ? "sm_80" : environment().devices;
      if (!makeDevices(s, names)) {
        std::fprintf(stderr, "sagesim: unknown device in SAGESIM_DEVICES='%s'; known are %s\n", names.c_str(),
                     std::string(knownArchs()).c_str());
        return Result::NoDevice;
      }
    }
    if (!s.initialised && environment().leaks) std::atexit(reportLeaksAtExit);
    s.initialised = true;
    writeReports(s); // what an earlier run left there is not of this one
    static const int registered = pthread_atfork(nullptr, nullptr, afterFork);
    return registered == 0 ? Result::Success : Result::OutOfMemory;
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

} // extern "C"

} // namespace sage::cuda
