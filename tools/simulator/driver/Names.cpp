// Makes every name of Names.inc an export, and answers look-ups by name and version.
//
// A name that no other file defines keeps the weak definition from here, which says NOT_SUPPORTED. So a program that
// wants all names finds them, and what is missing shows when it is called. This file declares the names without their
// parameters and therefore includes no other declaration of them.
#include "driver/Names.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "driver/Environment.h"

namespace {

int notBuilt(const char *name) {
  if (sage::sim::environment().trace) std::fprintf(stderr, "sagesim: %s -> 801 (not simulated)\n", name);
  return static_cast<int>(sage::cuda::Result::NotSupported);
}

} // namespace

// A jump keeps all arguments where they are, whatever their types.
#if defined(__x86_64__)
#define SAGESIM_JUMP(target) "jmp " #target "@PLT"
#elif defined(__aarch64__)
#define SAGESIM_JUMP(target) "b " #target
#endif

extern "C" {
#define N(name, version)                                                                                               \
  [[gnu::weak, gnu::visibility("default")]] int name() { return notBuilt(#name); }
#define J(name, target, version)                                                                                       \
  [[gnu::naked, gnu::weak, gnu::visibility("default")]] int name() { __asm__(SAGESIM_JUMP(target)); }
#include "driver/Names.inc"
#undef N
#undef J
}

namespace sage::sim {
namespace {

struct Row {
  std::string_view name;
  int version;
  void *pointer;
  bool perThread() const { return name.ends_with("_ptsz") || name.ends_with("_ptds"); }
};

const Row rows[] = {
#define N(name, version) {#name, version, reinterpret_cast<void *>(&name)},
#define J(name, target, version) {#name, version, reinterpret_cast<void *>(&name)},
#include "driver/Names.inc"
#undef N
#undef J
};

/// cuMemcpyHtoD for cuMemcpyHtoD_v2_ptds.
std::string_view baseOf(const Row &row) {
  std::string_view name = row.name;
  if (row.perThread()) name.remove_suffix(5);
  const std::size_t size = name.size();
  if (size > 3 && name[size - 3] == '_' && name[size - 2] == 'v' && name[size - 1] >= '1' && name[size - 1] <= '9')
    name.remove_suffix(3);
  return name;
}

struct Index {
  std::unordered_map<std::string_view, std::vector<const Row *>> byBase;
  std::unordered_map<std::string_view, const Row *> byName;
  Index() {
    for (const Row &row : rows) {
      byBase[baseOf(row)].push_back(&row);
      byName[row.name] = &row;
    }
  }
};

const Row *newest(const std::vector<const Row *> &candidates, int version, bool perThread) {
  const Row *best = nullptr;
  for (const Row *row : candidates)
    if (row->perThread() == perThread && row->version <= version && (!best || row->version > best->version)) best = row;
  return best;
}

} // namespace

NameAnswer findName(const char *name, int version, bool perThread) {
  static const Index index;
  const auto group = index.byBase.find(name);
  if (group != index.byBase.end()) {
    const Row *row = perThread ? newest(group->second, version, true) : nullptr;
    if (!row) row = newest(group->second, version, false);
    if (row) return {row->pointer, cuda::ProcAddressStatus::Success};
    return {nullptr, cuda::ProcAddressStatus::VersionNotSufficient};
  }
  const auto exact = index.byName.find(name);
  if (exact == index.byName.end()) return {};
  if (exact->second->version > version) return {nullptr, cuda::ProcAddressStatus::VersionNotSufficient};
  return {exact->second->pointer, cuda::ProcAddressStatus::Success};
}

} // namespace sage::sim
