// The driver of one GPU of sm_90a that does nothing. It is older than tensor maps.
#define cuDeviceGetCount cuDeviceGetNoCount
#define cuDeviceGetAttribute cuDeviceGetNoAttribute
#include "FakeDriver.cpp"
#undef cuDeviceGetCount
#undef cuDeviceGetAttribute

extern "C" {

__attribute__((visibility("default"))) sage::cuda::Result cuDeviceGetCount(int *count) {
  *count = 1;
  return sage::cuda::Result::Success;
}

__attribute__((visibility("default"))) sage::cuda::Result
cuDeviceGetAttribute(int *value, sage::cuda::DeviceAttribute attribute, int /*device*/) {
  *value = attribute == sage::cuda::DeviceAttribute::ComputeCapabilityMajor ? 9 : 0;
  return sage::cuda::Result::Success;
}

} // extern "C"
