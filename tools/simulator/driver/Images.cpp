// What a program hands over as code: PTX text, text of several linked units, or a fat binary of which the PTX is used.
// Also the loading of such an image into a context, and its logs.
#include <cstring>
#include <fstream>
#include <iterator>

#include "driver/Environment.h"
#include "driver/ModuleLoader.h"

namespace sage::sim {
namespace {

using cuda::Result;

constexpr std::uint32_t elfMark = 0x464c457f, containerMark = 0xba55ed50, wrapperMark = 0x466243b1;

template <class T> T readAt(const std::uint8_t *p, std::size_t offset) {
  T value;
  std::memcpy(&value, p + offset, sizeof value);
  return value;
}

// A container: header (mark, version, its size, size of the rest), then entries, each with a header of its own.
struct Entry {
  static constexpr std::size_t headerBytes = 64;
  static constexpr std::uint16_t ptx = 1;
  static constexpr std::uint64_t compressed = 0xf000;

  std::uint16_t kind;
  std::uint32_t header;
  std::uint64_t payload;
  std::uint32_t arch;
  std::uint64_t flags;
  explicit Entry(const std::uint8_t *p)
      : kind(readAt<std::uint16_t>(p, 0)), header(readAt<std::uint32_t>(p, 4)), payload(readAt<std::uint64_t>(p, 8)),
        arch(readAt<std::uint32_t>(p, 28)), flags(readAt<std::uint64_t>(p, 40)) {}
};

Result textOfContainer(const std::uint8_t *image, const DeviceSpec *spec, std::string &text) {
  const std::size_t header = readAt<std::uint16_t>(image, 6);
  const auto total = readAt<std::uint64_t>(image, 8);
  const std::uint8_t *at = image + header;
  std::uint32_t best = 0;
  bool packed = false;
  for (std::uint64_t left = total; left >= Entry::headerBytes;) {
    const Entry e(at);
    if (e.header < Entry::headerBytes || e.header > left || e.payload > left - e.header) return Result::InvalidImage;
    const bool fits = !spec || e.arch <= static_cast<std::uint32_t>(spec->major * 10 + spec->minor);
    if (e.kind == Entry::ptx && fits && (e.flags & Entry::compressed)) packed = true;
    if (e.kind == Entry::ptx && fits && !(e.flags & Entry::compressed) && e.arch > best) {
      best = e.arch;
      text.assign(reinterpret_cast<const char *>(at) + e.header, e.payload);
      text.resize(std::strlen(text.c_str()));
    }
    at += e.header + e.payload;
    left -= e.header + e.payload;
  }
  if (best != 0) return Result::Success;
  if (packed && environment().trace) std::fprintf(stderr, "sagesim: the PTX of this fat binary is compressed\n");
  return Result::NoBinaryForGpu;
}

} // namespace

void JitLogs::write(const std::string &info, const std::string &error) {
  put(cuda::JitOption::InfoLogBuffer, cuda::JitOption::InfoLogBufferSizeBytes, info);
  put(cuda::JitOption::ErrorLogBuffer, cuda::JitOption::ErrorLogBufferSizeBytes, error);
}

void **JitLogs::find(cuda::JitOption wanted) {
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == wanted) return &values[i];
  return nullptr;
}

void JitLogs::put(cuda::JitOption buffer, cuda::JitOption size, const std::string &text) {
  void **to = find(buffer), **bytes = find(size);
  if (!to || !*to || !bytes) return;
  const auto room = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(*bytes));
  if (room == 0) return;
  const std::size_t used = std::min<std::size_t>(text.size(), room - 1);
  std::memcpy(*to, text.data(), used);
  static_cast<char *>(*to)[used] = '\0';
  *bytes = reinterpret_cast<void *>(static_cast<std::uintptr_t>(used ? used + 1 : 0));
}

Result imageText(const void *image, const DeviceSpec *spec, std::string &text) {
  const auto *bytes = static_cast<const std::uint8_t *>(image);
  // Text may be shorter than a mark.
  if (strnlen(static_cast<const char *>(image), 4) < 4) return Result::InvalidImage;
  switch (readAt<std::uint32_t>(bytes, 0)) {
  case elfMark: return Result::NoBinaryForGpu;
  case containerMark: return textOfContainer(bytes, spec, text);
  case wrapperMark: {
    const auto *inner = readAt<const std::uint8_t *>(bytes, 8);
    if (!inner || readAt<std::uint32_t>(inner, 0) != containerMark) return Result::InvalidImage;
    return textOfContainer(inner, spec, text);
  }
  default: text = static_cast<const char *>(image); return Result::Success;
  }
}

Result loadInto(DriverState &s, cuda::ContextHandle &c, const std::string &text, JitLogs *logs, cuda::Module *module) {
  LoadOutcome outcome = loadModule(c, text);
  if (logs) logs->write(outcome.infoLog, outcome.errorLog);
  if (outcome.result != Result::Success) {
    if (environment().trace) std::fprintf(stderr, "sagesim: %s", outcome.errorLog.c_str());
    return outcome.result;
  }
  *module = outcome.module.get();
  s.modules.insert(*module);
  for (const auto &[kernel, f] : outcome.module->functions) s.functions.insert(f.get());
  c.modules.push_back(std::move(outcome.module));
  return Result::Success;
}

Result loadLibraryInto(DriverState &s, cuda::ContextHandle &c, cuda::LibraryHandle &library, cuda::Module *module) {
  const auto found = library.modules.find(&c);
  if (found != library.modules.end()) return *module = found->second, Result::Success;
  const Result result = loadInto(s, c, library.image, nullptr, module);
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
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  content.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return !file.bad();
}

} // namespace sage::sim
