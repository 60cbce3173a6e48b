// The one place with getenv; see Environment.h for the variables.
#include "driver/Environment.h"

#include <cstdio>
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

unsigned count(const char *name, unsigned limit) {
  const std::string text = variable(name);
  char *end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  return !text.empty() && *end == 0 && value <= limit ? static_cast<unsigned>(value) : 0;
}

Checks checks(const char *name) {
  std::string message;
  const Checks result = Checks::parse(variable(name), message);
  if (!message.empty()) std::fprintf(stderr, "sagesim: %s: %s\n", name, message.c_str());
  return result;
}

} // namespace

const Environment &environment() {
  static const Environment result{variable("SAGESIM_DEVICES"),      variable("SAGESIM_REPORT"),
                                  variable("SAGESIM_TRACE") == "1", variable("SAGESIM_LEVEL"),
                                  seconds("SAGESIM_TIMEOUT", 600),  checks("SAGESIM_CHECKS"),
                                  variable("SAGESIM_LEAKS") == "1", count("SAGESIM_THREADS", 1024)};
  return result;
}

} // namespace sage::sim
