// The one place with getenv; see Environment.h for the variables.
#include "driver/Environment.h"

#include <cstdlib>

namespace sage::sim {
namespace {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

double seconds(const char *name, double otherwise) {
  const std::string text = variable(name);
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == 0 && value >= 0 ? value : otherwise;
}

} // namespace

const Environment &environment() {
  static const Environment result{variable("SAGESIM_DEVICES"), variable("SAGESIM_REPORT"),
                                  variable("SAGESIM_TRACE") == "1", variable("SAGESIM_LEVEL"),
                                  seconds("SAGESIM_TIMEOUT", 600)};
  return result;
}

} // namespace sage::sim
