// Standard output and standard error, checked.
#include "Output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sage::cli {

Status printData(const std::string &text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return invalidInput("standard output: cannot write: " + std::string(std::strerror(errno)));
}

Status printJson(const Json &json) {
  return printData(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void talk(const std::string &line) { std::fprintf(stderr, "%s\n", line.c_str()); }

void reportError(const Status &status) { talk("sagec: error: " + status.message()); }

std::string numberText(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.7g", value);
  return text;
}

} // namespace sage::cli
