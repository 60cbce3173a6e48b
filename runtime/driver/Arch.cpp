// See Arch.h.
#include "runtime/driver/Arch.h"

#include <charconv>

namespace sage {
namespace {

struct Target {
  int major = 0, minor = 0;
  bool exact = false;
  bool valid = false;
};

Target parseTarget(std::string_view arch) {
  if (!arch.starts_with("sm_")) return {};
  arch.remove_prefix(3);
  const bool exact = arch.ends_with('a');
  if (exact) arch.remove_suffix(1);
  int number = 0;
  auto [end, error] = std::from_chars(arch.data(), arch.data() + arch.size(), number);
  const bool valid = error == std::errc() && end == arch.data() + arch.size() && number >= 10 && number < 1000;
  return {number / 10, number % 10, exact, valid};
}

} // namespace

std::string archOfCapability(int major, int minor) {
  // Best first: a target for exactly this capability, else the last plain one that it can still run.
  for (auto arch = targets.rbegin(); arch != targets.rend(); ++arch)
    if (archRunsOn(*arch, major, minor)) return std::string(*arch);
  return "sm_" + std::to_string(major * 10 + minor);
}

bool archRunsOn(std::string_view arch, int major, int minor) {
  const Target target = parseTarget(arch);
  if (!target.valid) return false;
  const int wanted = target.major * 10 + target.minor, present = major * 10 + minor;
  return target.exact ? wanted == present : wanted <= present;
}

DeviceSpec parseDeviceSpec(std::string_view text) {
  if (text == "auto") return {DeviceKind::Auto, 0, {}};
  if (text.starts_with("sim:") && text.size() > 4 && text.size() < 64)
    return {DeviceKind::Simulator, 0, std::string(text.substr(4))};
  if (!text.starts_with("cuda:")) return {};
  text.remove_prefix(5);
  int ordinal = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ordinal);
  if (error != std::errc() || end != text.data() + text.size() || ordinal < 0) return {};
  return {DeviceKind::Gpu, ordinal, {}};
}

} // namespace sage
