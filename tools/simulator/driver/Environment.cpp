// The one place with getenv; see Environment.h for the variables. A value that makes no sense is named on standard
// error with what is accepted, and the default is used.
#include "driver/Environment.h"

#include <cstdio>
#include <cstdlib>

namespace sage::sim {
namespace {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

void complain(const char *name, const std::string &value, const char *accepted) {
  std::fprintf(stderr, "sagesim: %s='%s' is ignored; it takes %s\n", name, value.c_str(), accepted);
}

double seconds(const char *name, double otherwise) {
  const std::string text = variable(name);
  if (text.empty()) return otherwise;
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end == 0 && value >= 0) return value;
  complain(name, text, "a number of seconds, 0 for no limit");
  return otherwise;
}

unsigned threads(const char *name) {
  constexpr unsigned long most = 1024;
  const std::string text = variable(name);
  if (text.empty()) return 0;
  char *end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (*end == 0 && text[0] != '-' && value <= most) return static_cast<unsigned>(value);
  complain(name, text, "a number of threads from 1 to 1024, or 0 for one a processor");
  return 0;
}

bool isSet(const char *name) {
  const std::string text = variable(name);
  if (!text.empty() && text != "0" && text != "1") complain(name, text, "1, or 0");
  return text == "1";
}

std::string level(const char *name) {
  const std::string text = variable(name);
  if (text.empty() || text == "baseline" || text == "avx2" || text == "avx512") return text;
  complain(name, text, "baseline, avx2 or avx512");
  return "";
}

Checks checks(const char *name) {
  std::string message;
  const Checks result = Checks::parse(variable(name), message);
  if (!message.empty()) std::fprintf(stderr, "sagesim: %s: %s\n", name, message.c_str());
  return result;
}

} // namespace

const Environment &environment() {
  static const Environment result{
      variable("SAGESIM_DEVICES"),     variable("SAGESIM_REPORT"), isSet("SAGESIM_TRACE"), level("SAGESIM_LEVEL"),
      seconds("SAGESIM_TIMEOUT", 600), checks("SAGESIM_CHECKS"),   isSet("SAGESIM_LEAKS"), threads("SAGESIM_THREADS")};
  return result;
}

} // namespace sage::sim
