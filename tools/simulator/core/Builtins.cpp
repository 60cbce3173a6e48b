// The functions that the driver gives to kernels: vprintf, __assertfail, malloc, free (CUDA C++ Programming Guide,
// "Formatted output", "Assertion", "Dynamic global memory allocation"). Output goes to the standard streams line by
// line.
#include <cstdio>
#include <cstring>
#include <mutex>

#include "core/Calls.h"
#include "memory/DeviceHeap.h"

namespace sage::sim {
namespace {

template <class T> T readAs(const std::uint8_t *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Up to LIMIT bytes at a generic address that lie in global or this thread's local memory; the pointer, and how many.
const std::uint8_t *memoryAt(Warp &w, unsigned lane, std::uint64_t address, std::uint64_t &available) {
  const std::uint64_t localBytes = w.block->program->localBytes;
  if (address - localWindow < localBytes) {
    available = localBytes - (address - localWindow);
    return w.local + lane * localBytes + (address - localWindow);
  }
  if (address - sharedWindow < w.block->sharedBytes) {
    available = w.block->sharedBytes - (address - sharedWindow);
    return w.block->shared + (address - sharedWindow);
  }
  const Allocation *a = w.block->memory->findLive(address);
  if (!a) return nullptr;
  available = a->bytes - (address - a->base);
  return a->data + (address - a->base);
}

/// The string at ADDRESS; false when it leaves its memory.
bool stringAt(Warp &w, unsigned lane, std::uint64_t address, std::string &text) {
  std::uint64_t available = 0;
  const std::uint8_t *from = memoryAt(w, lane, address, available);
  if (!from) return false;
  const void *end = std::memchr(from, 0, available);
  if (!end) return false;
  text.assign(reinterpret_cast<const char *>(from), static_cast<const std::uint8_t *>(end) - from);
  return true;
}

/// Formats as the driver does: integers of 4 or 8 bytes, doubles, pointers and strings, each aligned to its size.
class Formatter {
public:
  Formatter(Warp &warp, unsigned l, std::uint64_t a) : w(warp), lane(l), at(a) {}

  bool run(const std::string &format, std::string &out) {
    for (std::size_t i = 0; i < format.size(); ++i) {
      if (format[i] != '%') {
        out += format[i];
        continue;
      }
      const std::size_t start = i++;
      while (i < format.size() && std::strchr("-+ #0123456789.*hlLqjzt", format[i])) ++i;
      if (i >= format.size()) break;
      ++count;
      if (!convert(format.substr(start, i - start), format[i], out)) return false;
    }
    return true;
  }
  int count = 0;

private:
  template <class T> bool next(T &value) {
    at = (at + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    std::uint64_t available = 0;
    const std::uint8_t *from = memoryAt(w, lane, at, available);
    if (!from || available < sizeof(T)) return false;
    value = readAs<T>(from);
    at += sizeof(T);
    return true;
  }
  template <class T> static void print(std::string &out, const std::string &spec, T value) {
    char text[512];
    std::snprintf(text, sizeof text, spec.c_str(), value);
    out += text;
  }

  // SPEC is the conversion without its last letter; widths given as * are put in as numbers.
  bool convert(std::string spec, char letter, std::string &out) {
    for (std::size_t star; (star = spec.find('*')) != std::string::npos;) {
      std::int32_t width = 0;
      if (!next(width)) return false;
      spec.replace(star, 1, std::to_string(std::min(std::max(width, -400), 400)));
    }
    const bool isLong = spec.find_first_of("lqjzt") != std::string::npos;
    std::erase_if(spec, [](char c) { return std::strchr("hlLqjzt", c) != nullptr; });
    if (std::strchr("diuxXo", letter)) {
      std::uint64_t wide = 0;
      std::uint32_t narrow = 0;
      if (!(isLong ? next(wide) : next(narrow))) return false;
      const bool isSigned = letter == 'd' || letter == 'i';
      if (!isLong) wide = isSigned ? static_cast<std::uint64_t>(static_cast<std::int32_t>(narrow)) : narrow;
      print(out, spec + "ll" + letter, static_cast<unsigned long long>(wide));
      return true;
    }
    if (std::strchr("fFeEgGaA", letter)) {
      double value = 0;
      if (!next(value)) return false;
      print(out, spec + letter, value);
      return true;
    }
    if (letter == 'c') {
      std::int32_t value = 0;
      if (!next(value)) return false;
      print(out, spec + letter, value);
      return true;
    }
    if (letter == 'p' || letter == 's') {
      std::uint64_t value = 0;
      if (!next(value)) return false;
      if (letter == 'p') return print(out, spec + letter, reinterpret_cast<void *>(value)), true;
      std::string text;
      if (value != 0 && !stringAt(w, lane, value, text)) return false;
      if (spec == "%") return out += value ? text : "(null)", true;
      print(out, spec + letter, value ? text.c_str() : "(null)");
      return true;
    }
    if (letter != '%') out += spec;
    --count;
    out += letter;
    return true;
  }

  Warp &w;
  unsigned lane;
  std::uint64_t at;
};

std::mutex outputMutex;

bool print(Warp &w, const Inst *inst, unsigned lane, std::uint8_t *frame) {
  const CallSite &site = *inst->call;
  std::string format, out;
  Formatter formatter(w, lane, readAs<std::uint64_t>(frame + site.arguments[1].offset));
  if (!stringAt(w, lane, readAs<std::uint64_t>(frame + site.arguments[0].offset), format) ||
      !formatter.run(format, out)) {
    fault(w, inst, ViolationKind::OutOfBounds, lane, "vprintf with a format or arguments outside of memory");
    return false;
  }
  {
    const std::lock_guard lock(outputMutex);
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  }
  std::memcpy(frame + site.results[0].offset, &formatter.count, 4);
  return true;
}

bool assertFail(Warp &w, const Inst *inst, unsigned lane, std::uint8_t *frame) {
  const auto &arguments = inst->call->arguments;
  std::string message, file, function;
  stringAt(w, lane, readAs<std::uint64_t>(frame + arguments[0].offset), message);
  stringAt(w, lane, readAs<std::uint64_t>(frame + arguments[1].offset), file);
  stringAt(w, lane, readAs<std::uint64_t>(frame + arguments[3].offset), function);
  const auto line = readAs<std::uint32_t>(frame + arguments[2].offset);
  fault(w, inst, ViolationKind::Assert, lane,
        file + ":" + std::to_string(line) + ": " + function + ": Assertion `" + message + "` failed.");
  return false;
}

bool freeBlock(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address) {
  const DeviceHeap::Free result = w.block->memory->heap().free(address);
  if (result == DeviceHeap::Free::Done) return true;
  const bool twice = result == DeviceHeap::Free::Twice;
  const auto kind = twice ? ViolationKind::DoubleFree : ViolationKind::InvalidFree;
  if (!w.block->checks.on(kind)) return true;
  faultAt(w, inst, kind, lane, address, Space::Global,
          twice ? "free of memory that was freed already" : "free of an address that malloc did not give");
  return false;
}

} // namespace

bool runBuiltin(Warp &w, const Inst *inst, unsigned lane, std::uint8_t *frame) {
  const CallSite &site = *inst->call;
  switch (site.callee->builtin) {
  case Builtin::Printf: return print(w, inst, lane, frame);
  case Builtin::Assert: return assertFail(w, inst, lane, frame);
  case Builtin::Malloc: {
    const Program &p = *w.block->program;
    const std::uint64_t address = w.block->memory->heap().allocate(
        readAs<std::uint64_t>(frame + site.arguments[0].offset), {p.name, inst->line, p.lines, p.sources});
    std::memcpy(frame + site.results[0].offset, &address, 8);
    return true;
  }
  default: return freeBlock(w, inst, lane, readAs<std::uint64_t>(frame + site.arguments[0].offset));
  }
}

} // namespace sage::sim
