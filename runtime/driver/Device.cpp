// Opening devices, and what a Device itself does. The objects that it makes are in Objects.cpp.
#include "sage/runtime/Device.h"

#include "runtime/driver/Arch.h"
#include "runtime/driver/Driver.h"
#include "sage/runtime/Environment.h"

namespace sage {
namespace {

using cuda::DeviceAttribute;

Result<int> attribute(Driver &driver, int ordinal, DeviceAttribute which) {
  int value = 0;
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDeviceGetAttribute, &value, which, ordinal));
  return value;
}

Result<DeviceLimits> readLimits(Driver &driver, int device) {
  DeviceLimits limits;
  SAGE_ASSIGN(limits.multiprocessors, attribute(driver, device, DeviceAttribute::MultiprocessorCount));
  SAGE_ASSIGN(limits.maxThreadsPerBlock, attribute(driver, device, DeviceAttribute::MaxThreadsPerBlock));
  SAGE_ASSIGN(limits.maxSharedBytesPerBlock, attribute(driver, device, DeviceAttribute::MaxSharedMemoryPerBlockOptin));
  SAGE_ASSIGN(limits.maxGrid[0], attribute(driver, device, DeviceAttribute::MaxGridDimX));
  SAGE_ASSIGN(limits.maxGrid[1], attribute(driver, device, DeviceAttribute::MaxGridDimY));
  SAGE_ASSIGN(limits.maxGrid[2], attribute(driver, device, DeviceAttribute::MaxGridDimZ));
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDeviceTotalMem_v2, &limits.memoryBytes, device));
  return limits;
}

Result<int> deviceCount(Driver &driver) {
  int count = 0;
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDeviceGetCount, &count));
  if (count == 0) return deviceError(driver.path() + " reports no device");
  return count;
}

} // namespace

Status Device::initialise(int index) {
  Driver &driver = *driverRef;
  SAGE_ASSIGN(const int count, deviceCount(driver));
  if (index >= count)
    return invalidInput("there is no cuda:" + std::to_string(index) + ": the driver has " + std::to_string(count) +
                        " device" + (count == 1 ? "" : "s"));
  int device = 0;
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDeviceGet, &device, index));
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDriverGetVersion, &version));
  char name[256] = {};
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDeviceGetName, name, int(sizeof name) - 1, device));
  nameText = name;
  SAGE_ASSIGN(majorVersion, attribute(driver, device, DeviceAttribute::ComputeCapabilityMajor));
  SAGE_ASSIGN(minorVersion, attribute(driver, device, DeviceAttribute::ComputeCapabilityMinor));
  archText = archOfCapability(majorVersion, minorVersion);
  SAGE_ASSIGN(limitValues, readLimits(driver, device));
  cuda::Context context = nullptr;
  SAGE_TRY(SAGE_DRIVER_CALL(driver, cuDevicePrimaryCtxRetain, &context, device));
  contextHandle = context;
  ordinal = device;
  return {};
}

Result<DeviceRef> Device::openGpu(int ordinal, const DriverPaths &paths) {
  DeviceRef device(new Device);
  device->specText = "cuda:" + std::to_string(ordinal);
  SAGE_ASSIGN(device->driverRef, Driver::openGpu(paths).context(device->specText));
  SAGE_TRY(device->initialise(ordinal).context(device->specText));
  device->descriptionText = device->specText + " (" + device->nameText + ")";
  return device;
}

Result<DeviceRef> Device::openSimulator(const std::string &arch, const DriverPaths &paths) {
  DeviceRef device(new Device);
  device->isSimulated = true;
  device->specText = "sim:" + arch;
  SAGE_ASSIGN(device->driverRef, Driver::openSimulator(paths, arch).context(device->specText));
  SAGE_TRY(device->initialise(0).context(device->specText));
  device->descriptionText = device->specText + " (" + device->nameText + ")";
  return device;
}

Result<DeviceRef> Device::open(std::string_view spec, const DriverPaths &paths) {
  std::string text(spec);
  if (text.empty()) text = readEnvironment().device;
  if (text.empty()) text = "auto";
  const DeviceSpec wanted = parseDeviceSpec(text);
  switch (wanted.kind) {
  case DeviceKind::Gpu: return openGpu(wanted.ordinal, paths);
  case DeviceKind::Simulator: return openSimulator(wanted.arch, paths);
  case DeviceKind::Invalid:
    return invalidInput("unknown device '" + text +
                        "'; allowed: auto, cuda:N (a GPU), sim:ARCH (the simulator, e.g. sim:sm_80)");
  case DeviceKind::Auto: break;
  }
  Result<DeviceRef> gpu = openGpu(0, paths);
  if (gpu.ok()) return gpu;
  SAGE_ASSIGN(DeviceRef simulated, openSimulator("sm_80", paths));
  simulated->descriptionText += ", chosen because there is no usable GPU: " + gpu.status().message();
  return simulated;
}

Device::~Device() {
  if (contextHandle) driverRef->api().cuDevicePrimaryCtxRelease_v2(ordinal);
}

bool Device::runs(std::string_view arch) const { return archRunsOn(arch, majorVersion, minorVersion); }

Status Device::synchronize() {
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(*driverRef, cuCtxSynchronize);
}

Result<std::string> Device::counters() { return driverRef->counters(); }

std::vector<DeviceListing> listDevices(const DriverPaths &paths) {
  std::vector<DeviceListing> listings;
  auto add = [&](const std::string &spec, const Result<DeviceRef> &device) {
    if (device.ok())
      listings.push_back({spec, (*device)->name(), (*device)->arch(), "", true});
    else
      listings.push_back({spec, "", "", device.status().message(), false});
  };
  int gpus = 1;
  for (int i = 0; i < gpus; ++i) {
    const std::string spec = "cuda:" + std::to_string(i);
    Result<DeviceRef> gpu = Device::open(spec, paths);
    add(spec, gpu);
    if (i == 0 && gpu.ok())
      if (Result<int> count = deviceCount((*gpu)->driver()); count.ok()) gpus = *count;
  }
  for (std::string_view arch : targets) {
    const std::string spec = "sim:" + std::string(arch);
    add(spec, Device::open(spec, paths));
  }
  return listings;
}

} // namespace sage
