// See Record.h.
#include "record/Record.h"

#include "reference/AtomicFile.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace sage::bench {
namespace {

std::string utcText(double epoch) {
  char text[32];
  const auto seconds = std::time_t(epoch);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

} // namespace

std::string buildCommit() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const auto &directory : {program.parent_path(), program.parent_path().parent_path()}) {
    std::ifstream file(directory / "VERSION");
    std::string line;
    if (file && std::getline(file, line) && !line.empty()) return line;
  }
  return "unknown";
}

Record::Record(std::string file, const std::string &program, const Device &device, const std::string &compiler,
               double began)
    : path(std::move(file)) {
  json = {{"format", 1},
          {"program", program},
          {"commit", buildCommit()},
          {"compiler", compiler},
          {"date", utcText(began)},
          {"began", began},
          {"device",
           {{"spec", device.spec()},
            {"name", device.name()},
            {"arch", device.arch()},
            {"driver", device.driverVersion()},
            {"multiprocessors", device.limits().multiprocessors},
            {"simulated", device.simulated()}}},
          {"complete", false}};
}

double epochSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Status Record::resume() {
  std::ifstream file(path);
  Json earlier = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!earlier.is_object() || earlier.value("program", "") != json["program"].get<std::string>() ||
      !earlier.contains("began") || !earlier["began"].is_number())
    return invalidInput("--after: '" + path + "' is no record of an earlier part of this run");
  json = std::move(earlier);
  return {};
}

double Record::seconds() const { return epochSeconds() - json["began"].get<double>(); }

Status Record::save() const {
  if (path.empty()) return {};
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::string_view parts[] = {text};
  return reference::writeFileAtomically(path, parts);
}

Status Record::finish() {
  json["complete"] = true;
  return stop();
}

Status Record::stop() const {
  if (!path.empty()) return save();
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return invalidInput("standard output: cannot write");
}

void talk(const std::string &line) { std::fprintf(stderr, "%s\n", line.c_str()); }

} // namespace sage::bench
