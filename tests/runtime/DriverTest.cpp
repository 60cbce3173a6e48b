// Choosing and loading a driver: device names, a library that is missing, one that lacks a symbol, one without devices.
#include "runtime/driver/Arch.h"
#include "sage/runtime/TensorMap.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

const DriverPaths missing{"/nowhere/libcuda.so.1", "/nowhere/libsagesim.so"};

std::string errorOf(const char *spec, const DriverPaths &paths, Code code = Code::Device) {
  Result<DeviceRef> device = Device::open(spec, paths);
  REQUIRE_FALSE(device.ok());
  CHECK(device.status().code() == code);
  return device.status().message();
}

} // namespace

TEST_CASE("a device name that means nothing lists what is allowed") {
  for (const char *spec : {"gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:0x", "sim:", "sim", "cuda:99999999999"})
    CHECK_THAT(errorOf(spec, missing, Code::InvalidInput), Contains("allowed: auto, cuda:N (a GPU), sim:ARCH"));
}

TEST_CASE("a missing driver is named, with what to do") {
  const std::string message = errorOf("cuda:0", missing);
  CHECK_THAT(message, Contains("cuda:0: cannot load /nowhere/libcuda.so.1") && Contains("install the NVIDIA driver") &&
                          Contains("sim:sm_80"));
}

TEST_CASE("a missing simulator is named, with where it belongs") {
  CHECK_THAT(errorOf("sim:sm_80", missing),
             Contains("cannot load /nowhere/libsagesim.so") && Contains("SAGEC_SIMULATOR"));
  CHECK_THAT(errorOf("auto", missing), Contains("cannot load /nowhere/libsagesim.so"));
}

TEST_CASE("a driver that lacks a symbol is refused with the symbol's name") {
  const std::string message = errorOf("cuda:0", {FAKE_DRIVER_WITHOUT_LAUNCH, ""});
  CHECK_THAT(message, Contains("lacks the entry point cuLaunchKernel") && Contains("too old"));
}

TEST_CASE("a driver may be older than tensor maps, which then cannot be made") {
  Result<DeviceRef> device = Device::open("cuda:0", {FAKE_GPU, ""});
  INFO(device.status().message());
  REQUIRE(device.ok());
  const int box[] = {64};
  const TensorView tensor = TensorView::contiguous(4096, DType::F16, {64});
  const Status status = encodeTensorMap(**device, tensor, box, Swizzle::Bytes128).status();
  CHECK(status.code() == Code::Device);
  CHECK_THAT(status.message(), Contains("lacks the entry point cuTensorMapEncodeTiled") && Contains("CUDA 12.0"));
}

TEST_CASE("a driver that is no ELF file is refused") {
  CHECK_THAT(errorOf("cuda:0", {SAGE_SOURCE_DIR "/README.md", ""}), Contains("cannot load"));
}

TEST_CASE("a driver without devices is refused") {
  CHECK_THAT(errorOf("cuda:0", {FAKE_DRIVER, ""}), Contains("reports no device"));
}

TEST_CASE("a driver whose cuInit fails is refused with the driver's error") {
  CHECK_THAT(errorOf("cuda:0", {FAKE_DRIVER_NO_INIT, ""}), Contains("cuInit: error 100"));
}

TEST_CASE("a library that is no simulator is refused as one") {
  CHECK_THAT(errorOf("sim:sm_80", {"", FAKE_DRIVER}), Contains("lacks sagesimConfigure"));
}

TEST_CASE("the environment names the driver where no option does") {
  setenv("SAGEC_DRIVER", "/elsewhere/libcuda.so", 1);
  CHECK_THAT(errorOf("cuda:0", {}), Contains("/elsewhere/libcuda.so"));
  CHECK_THAT(errorOf("cuda:0", missing), Contains("/nowhere/libcuda.so.1"));
  unsetenv("SAGEC_DRIVER");
  setenv("SAGEC_DEVICE", "nonsense", 1);
  CHECK_THAT(errorOf("", missing, Code::InvalidInput), Contains("unknown device 'nonsense'"));
  unsetenv("SAGEC_DEVICE");
}

TEST_CASE("listing devices never fails, and says why one is unusable") {
  const std::vector<DeviceListing> listing = listDevices(missing);
  REQUIRE(listing.size() == 6);
  CHECK(listing[0].spec == "cuda:0");
  CHECK_FALSE(listing[0].usable);
  CHECK_THAT(listing[0].note, Contains("/nowhere/libcuda.so.1"));
  CHECK(listing[1].spec == "sim:sm_80");
  CHECK(listing[5].spec == "sim:sm_120a");
}
