// The one place with getenv; see Environment.h for the variables.
#include "driver/Environment.h"

#include <cstdlib>

namespace sage::sim {
namespace {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

} // namespace

const Environment &environment() {
  static const Environment result{variable("SAGESIM_DEVICES"), variable("SAGESIM_REPORT"),
                                  variable("SAGESIM_TRACE") == "1", variable("SAGESIM_LEVEL")};
  return result;
}

} // namespace sage::sim
