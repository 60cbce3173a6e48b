// The arch table.
#include "Target.h"

namespace sage {

const std::vector<Target> &targets() {
  static const std::vector<Target> table = {
      {"sm_80", "7.0", "+ptx70", 11000, 163 << 10},  {"sm_86", "7.1", "+ptx71", 11010, 99 << 10},
      {"sm_89", "7.8", "+ptx78", 11080, 99 << 10},   {"sm_90a", "8.0", "+ptx80", 12000, 227 << 10},
      {"sm_120a", "8.7", "+ptx87", 12080, 99 << 10},
  };
  return table;
}

const Target *findTarget(std::string_view name) {
  for (const Target &target : targets())
    if (target.name == name) return &target;
  return nullptr;
}

std::string targetNames() {
  std::string names;
  for (const Target &target : targets()) names += (names.empty() ? "" : ", ") + std::string(target.name);
  return names;
}

const std::vector<std::string_view> &ptxVersions() {
  static const std::vector<std::string_view> versions = {"7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8",
                                                         "8.0", "8.1", "8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8"};
  return versions;
}

} // namespace sage
