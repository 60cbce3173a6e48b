// A compiler library for tests of the cache and of error paths. It compiles no program: the program's text says what
// to answer.
//   "fail"      → status invalid, with a diagnostic          "internal" → status internal
//   "garbage"   → a response that is no JSON                 "slow"     → waits for fakeCompilerRelease() first
//   "badformat" → metadata of an unknown format              otherwise  → an artifact for a kernel of one view
#include <atomic>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using nlohmann::json;
std::atomic<int> calls = 0;
std::atomic<bool> released = false;

json metadata(const std::string &text, const json &request) {
  const json fixed = {{"of", nullptr}, {"divisor", 1}, {"times", 64}};
  const json rows = {{"of", "N"}, {"divisor", 1}, {"times", 1}};
  return {{"format", text == "badformat" ? 7 : 1},
          {"entry", "fake"},
          {"program", request["program"]["name"]},
          {"arch", request["arch"]},
          {"ptx_version", "7.0"},
          {"min_driver", 11000},
          {"grid", {{{"of", "N"}, {"divisor", 64}, {"times", 1}}}},
          {"block", {128, 1, 1}},
          {"shared_bytes", 0},
          {"cluster", {1, 1, 1}},
          {"views", {{{"name", "X"}, {"dtype", "f32"}, {"access", "write"}, {"extents", {rows, fixed}}}}},
          {"extents", {"N"}},
          {"scalars", json::array()},
          {"parameters", request["parameters"]},
          {"schedule", request["schedule"]},
          {"compiler", "fake"},
          {"hash", "0"}};
}

json failure(const char *status) {
  const json diagnostic = {
      {"severity", "error"}, {"file", "p.tile"},          {"line", 3},
      {"column", 5},         {"message", "no such name"}, {"rendered", "p.tile:3:5: error: no such name\n"}};
  return {{"status", status}, {"diagnostics", {diagnostic}}};
}

} // namespace

EXPORT int sageCompile(const char *request, size_t size, char **response, size_t *responseSize) {
  ++calls;
  const json parsed = json::parse(request, request + size);
  const std::string text = parsed["program"]["text"];
  while (text == "slow" && !released) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  int code = 0;
  std::string answer;
  if (text == "fail" || text == "internal") {
    code = text == "fail" ? 1 : 4;
    answer = failure(text == "fail" ? "invalid" : "internal").dump();
  } else if (text == "garbage") {
    answer = "]";
  } else {
    answer = json{{"status", "ok"},       {"diagnostics", json::array()},       {"stage", "ptx"},
                  {"text", "// " + text}, {"metadata", metadata(text, parsed)}, {"timings_ms", json::array()}}
                 .dump();
  }
  *response = static_cast<char *>(std::malloc(answer.size() + 1));
  std::memcpy(*response, answer.c_str(), answer.size() + 1);
  *responseSize = answer.size();
  return code;
}

EXPORT void sageCompilerFree(char *response) { std::free(response); }
EXPORT const char *sageCompilerId() { return "fake 1"; }
EXPORT int fakeCompilerCalls() { return calls; }
EXPORT void fakeCompilerRelease(int value) { released = value != 0; }
