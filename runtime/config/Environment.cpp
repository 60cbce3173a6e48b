// The one file of the runtime that reads the environment, and that asks the loader where this library lies.
#include "sage/runtime/Environment.h"

#include <cstdlib>
#include <dlfcn.h>

namespace sage {
namespace {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

} // namespace

Environment readEnvironment() {
  return {variable("SAGEC_DEVICE"),   variable("SAGEC_DRIVER"),  variable("SAGEC_SIMULATOR"),
          variable("SAGEC_COMPILER"), variable("SAGEC_KERNELS"), variable("SAGEC_CONFIGS")};
}

std::string runtimeDirectory() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void *>(&runtimeDirectory), &info) || !info.dli_fname) return {};
  const std::string path = info.dli_fname;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace sage
