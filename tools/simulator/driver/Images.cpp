// What a program hands over as code: PTX text, text of several linked units, or a fat binary of which the PTX is used.
// Also the loading of such an image into a context, and its logs.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "driver/Environment.h"
#include "driver/FatBinary.h"
#include "driver/ModuleLoader.h"

namespace sage::sim {
namespace {

using cuda::Result;

constexpr std::uint32_t elfMark = 0x464c457f;

} // namespace

Result imageText(const void *image, std::size_t available, const DeviceSpec *spec, std::string &text) {
  // Text may be shorter than a mark.
  const auto *bytes = static_cast<const char *>(image);
  if (strnlen(bytes, available != 0 ? std::min<std::size_t>(available, 4) : 4) < 4) return Result::InvalidImage;
  std::uint32_t mark = 0;
  std::memcpy(&mark, image, sizeof mark);
  if (mark == elfMark) return Result::NoBinaryForGpu;
  if (isFatBinary(mark)) return fatBinaryText(image, available, spec, text);
  text.assign(bytes, available != 0 ? strnlen(bytes, available) : std::strlen(bytes));
  return Result::Success;
}

Result loadInto(DriverState &s, cuda::ContextHandle &c, const std::string &text, JitOptions *options,
                cuda::Module *module, const JitSettings &settings) {
  LoadOutcome outcome = loadModule(c, text, settings);
  if (options) options->finish(outcome.infoLog, outcome.errorLog);
  if (outcome.result != Result::Success) {
    if (environment().trace) std::fprintf(stderr, "sagesim: %s", outcome.errorLog.c_str());
    return outcome.result;
  }
  warnOnce(s, outcome.warning);
  *module = outcome.module.get();
  s.modules.insert(*module);
  for (const auto &[kernel, f] : outcome.module->functions) s.functions.insert(f.get());
  c.modules.push_back(std::move(outcome.module));
  return Result::Success;
}

Result loadLibraryInto(DriverState &s, cuda::ContextHandle &c, cuda::LibraryHandle &library, cuda::Module *module) {
  const auto found = library.modules.find(&c);
  if (found != library.modules.end()) return *module = found->second, Result::Success;
  const Result result = loadInto(s, c, library.image, nullptr, module, library.settings);
  if (result == Result::Success) library.modules[&c] = *module;
  return result;
}

void dropModule(DriverState &s, cuda::ModuleHandle &module) {
  s.modules.erase(&module);
  cuda::ContextHandle &c = *module.context;
  for (const auto &[name, function] : module.functions) s.functions.erase(function.get());
  for (void *p : s.libraries) {
    auto *library = static_cast<cuda::LibraryHandle *>(p);
    std::erase_if(library->modules, [&](const auto &entry) { return entry.second == &module; });
  }
  unloadModule(c, module);
  std::erase_if(c.modules, [&](const auto &m) { return m.get() == &module; });
}

bool readWholeFile(const char *path, std::string &content) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, error)) return false; // reading a directory would throw
  content.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return !file.bad();
}

} // namespace sage::sim
