// Compute capabilities and targets: what to compile for a device, and whether a target's PTX can be loaded there.
// Pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace sage {

/// Our targets, the oldest first. The simulator has a device for each.
inline constexpr std::array<std::string_view, 5> targets = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"};

/// The best of our targets for a GPU of this capability. Targets with an `a` run on exactly one capability; the
/// others on all later ones too.
std::string archOfCapability(int major, int minor);

/// Whether PTX for `arch` ("sm_80", "sm_90a") can be loaded on a device of this capability. False for a text that is
/// no arch.
bool archRunsOn(std::string_view arch, int major, int minor);

/// Splits `auto`, `cuda:N`, `sim:ARCH`.
enum class DeviceKind { Auto, Gpu, Simulator, Invalid };
struct DeviceSpec {
  DeviceKind kind = DeviceKind::Invalid;
  int ordinal = 0;
  std::string arch;
};
DeviceSpec parseDeviceSpec(std::string_view text);

} // namespace sage
