// Exports: looking functions up by name. Clients ask for the base name and a driver version ("cuMemAlloc", 12000); of
// the functions exported here each has one version, so the newest one is the answer.
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

#include "driver/Call.h"

namespace sage::cuda {
namespace {

using namespace sim;

std::string baseName(std::string_view name) {
  for (const std::string_view suffix : {"_v2", "_v3"})
    if (name.ends_with(suffix)) return std::string(name.substr(0, name.size() - suffix.size()));
  return std::string(name);
}

const std::unordered_map<std::string, void *> &table() {
  static const auto *built = [] {
    auto *map = new std::unordered_map<std::string, void *>;
#define SAGESIM_ENTRY(name, parameters)                                                                                \
  (*map)[#name] = reinterpret_cast<void *>(&name);                                                                     \
  (*map)[baseName(#name)] = reinterpret_cast<void *>(&name);
    SAGESIM_FUNCTIONS(SAGESIM_ENTRY)
#undef SAGESIM_ENTRY
    (*map)["cuGetProcAddress"] = reinterpret_cast<void *>(&cuGetProcAddress_v2);
    return map;
  }();
  return *built;
}

} // namespace

extern "C" {

Result cuGetProcAddress_v2(const char *name, void **pointer, int, std::uint64_t, ProcAddressStatus *status) {
  if (!name || !pointer) return traced("cuGetProcAddress_v2", Result::InvalidValue);
  const auto found = table().find(name);
  const bool known = found != table().end();
  *pointer = known ? found->second : nullptr;
  if (status) *status = known ? ProcAddressStatus::Success : ProcAddressStatus::SymbolNotFound;
  return traced("cuGetProcAddress_v2", known ? Result::Success : Result::NotFound);
}

// Private tables of the CUDA runtime library; there are none here.
Result cuGetExportTable(const void **table, const Uuid *) {
  if (table) *table = nullptr;
  return traced("cuGetExportTable", Result::NotFound);
}

} // extern "C"

} // namespace sage::cuda
