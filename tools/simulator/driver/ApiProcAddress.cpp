// Exports: looking functions up by name and version.
#include "driver/Call.h"
#include "driver/Names.h"

namespace sage::cuda {
namespace {

using namespace sim;

constexpr std::uint64_t perThreadDefaultStream = 2, knownFlags = 3;

Result lookUp(const char *call, const char *name, void **pointer, int version, std::uint64_t flags,
              ProcAddressStatus *status) {
  if (!name || !pointer || (flags & ~knownFlags)) return traced(call, Result::InvalidValue);
  const NameAnswer answer = findName(name, version, (flags & perThreadDefaultStream) != 0);
  *pointer = answer.pointer;
  if (status) *status = answer.status;
  const Result result = answer.pointer ? Result::Success : Result::NotFound;
  if (environment().trace)
    std::fprintf(stderr, "sagesim: %s(%s, %d) -> %d\n", call, name, version, static_cast<int>(result));
  return result;
}

} // namespace

extern "C" {

Result cuGetProcAddress(const char *name, void **pointer, int version, std::uint64_t flags) {
  return lookUp("cuGetProcAddress", name, pointer, version, flags, nullptr);
}

Result cuGetProcAddress_v2(const char *name, void **pointer, int version, std::uint64_t flags,
                           ProcAddressStatus *status) {
  return lookUp("cuGetProcAddress_v2", name, pointer, version, flags, status);
}

// Private tables of the CUDA runtime library; there are none here.
Result cuGetExportTable(const void **table, const Uuid *) {
  if (table) *table = nullptr;
  return traced("cuGetExportTable", Result::NotFound);
}

} // extern "C"

} // namespace sage::cuda
