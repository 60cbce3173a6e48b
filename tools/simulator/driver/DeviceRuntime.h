// The functions of the device runtime library that grid-wide cooperative groups call, as the toolkit's public header
// cuda_device_runtime_api.h declares them. The real ones come as machine code in an archive, which cannot be read; so a
// link that needs them gets these, written in PTX.
#pragma once

#include <string_view>

namespace sage::sim {

bool isDeviceRuntimeFunction(std::string_view name);

/// PTX that defines all of them.
std::string_view deviceRuntimePtx();

} // namespace sage::sim
