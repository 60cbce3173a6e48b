// See FatBinary.h.
#include "driver/FatBinary.h"

#include <lz4.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace sage::sim {
namespace {

using cuda::Result;

constexpr std::uint32_t containerMark = 0xba55ed50, wrapperMark = 0x466243b1;
constexpr std::size_t containerHeaderBytes = 16, entryHeaderBytes = 64;
constexpr std::uint64_t mostContainerBytes = std::uint64_t{1} << 30, mostTextBytes = std::uint64_t{1} << 28;

template <class T> T readAt(const std::uint8_t *p, std::size_t offset) {
  T value;
  std::memcpy(&value, p + offset, sizeof value);
  return value;
}

// A caller gives a bare pointer; a damaged size must not lead beyond the memory that there is.
bool isMapped(const std::uint8_t *p, std::uint64_t bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(p) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(p) + bytes;
  std::vector<unsigned char> resident((end - first + page - 1) / page);
  return mincore(reinterpret_cast<void *>(first), end - first, resident.data()) == 0;
}

struct Entry {
  static constexpr std::uint16_t ptx = 1;
  static constexpr std::uint64_t lz4 = 0x2000, zstd = 0x8000, anyCompression = 0xf000;

  explicit Entry(const std::uint8_t *p)
      : kind(readAt<std::uint16_t>(p, 0)), headerBytes(readAt<std::uint32_t>(p, 4)),
        payloadBytes(readAt<std::uint64_t>(p, 8)), packedBytes(readAt<std::uint32_t>(p, 16)),
        flags(readAt<std::uint64_t>(p, 40)), plainBytes(readAt<std::uint64_t>(p, 56)), payload(p + headerBytes) {}

  /// The code; nothing when it is damaged or packed in a way that is not known.
  std::optional<std::string> text() const {
    if ((flags & anyCompression) == 0) return std::string(reinterpret_cast<const char *>(payload), payloadBytes);
    if (packedBytes == 0 || packedBytes > payloadBytes || plainBytes == 0 || plainBytes > mostTextBytes) return {};
    std::string plain(plainBytes, '\0');
    const auto *packed = reinterpret_cast<const char *>(payload);
    std::uint64_t got = 0;
    if ((flags & anyCompression) == zstd) {
      const std::size_t code = ZSTD_decompress(plain.data(), plainBytes, packed, packedBytes);
      got = ZSTD_isError(code) ? 0 : code;
    } else if ((flags & anyCompression) == lz4 && packedBytes <= mostTextBytes) {
      const int code =
          LZ4_decompress_safe(packed, plain.data(), static_cast<int>(packedBytes), static_cast<int>(plainBytes));
      got = code < 0 ? 0 : static_cast<std::uint64_t>(code);
    }
    if (got != plainBytes) return {};
    return plain;
  }

  std::uint16_t kind;
  std::uint32_t headerBytes;
  std::uint64_t payloadBytes;
  std::uint32_t packedBytes;
  std::uint64_t flags, plainBytes;
  const std::uint8_t *payload;
};

/// "sm_90a" of PTX text; empty when it names none.
std::string_view targetOf(std::string_view text) {
  constexpr std::string_view directive = ".target";
  const std::size_t at = text.find(directive);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + directive.size());
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t")));
  return text.substr(0, text.find_first_of(", \t\r\n"));
}

/// How well a target suits: higher is better, 0 not at all. One with a suffix runs on its own architecture only.
unsigned suitability(std::string_view target, const DeviceSpec *spec) {
  constexpr std::string_view prefix = "sm_";
  unsigned number = 0;
  if (!target.starts_with(prefix)) return 0;
  const auto parsed = std::from_chars(target.data() + prefix.size(), target.data() + target.size(), number);
  if (parsed.ec != std::errc() || number == 0 || number > 1000) return 0;
  const bool special = parsed.ptr != target.data() + target.size();
  if (spec && special && target != spec->arch) return 0;
  if (spec && number > static_cast<unsigned>(spec->major * 10 + spec->minor)) return 0;
  return number * 2 + special;
}

Result textOfContainer(const std::uint8_t *image, std::uint64_t available, const DeviceSpec *spec, std::string &text) {
  if (available != 0 ? available < containerHeaderBytes : !isMapped(image, containerHeaderBytes))
    return Result::InvalidImage;
  const std::uint64_t header = readAt<std::uint16_t>(image, 6);
  std::uint64_t left = readAt<std::uint64_t>(image, 8);
  if (header < containerHeaderBytes || left > mostContainerBytes) return Result::InvalidImage;
  if (available != 0 ? header + left > available : !isMapped(image, header + left)) return Result::InvalidImage;
  unsigned best = 0;
  bool damaged = false;
  for (const std::uint8_t *at = image + header; left >= entryHeaderBytes;) {
    const Entry e(at);
    if (e.headerBytes < entryHeaderBytes || e.headerBytes > left || e.payloadBytes > left - e.headerBytes)
      return Result::InvalidImage;
    if (e.kind == Entry::ptx) {
      std::optional<std::string> found = e.text();
      damaged |= !found;
      const unsigned score = found ? suitability(targetOf(*found), spec) : 0;
      if (score > best) best = score, text = std::move(*found);
    }
    at += e.headerBytes + e.payloadBytes;
    left -= e.headerBytes + e.payloadBytes;
  }
  text.resize(std::strlen(text.c_str()));
  if (best != 0) return Result::Success;
  return damaged ? Result::InvalidImage : Result::NoBinaryForGpu;
}

} // namespace

bool isFatBinary(std::uint32_t mark) { return mark == containerMark || mark == wrapperMark; }

Result fatBinaryText(const void *image, std::size_t available, const DeviceSpec *spec, std::string &text) {
  const auto *bytes = static_cast<const std::uint8_t *>(image);
  if (readAt<std::uint32_t>(bytes, 0) == containerMark) return textOfContainer(bytes, available, spec, text);
  constexpr std::size_t wrapperBytes = 16;
  if (available != 0 ? available < wrapperBytes : !isMapped(bytes, wrapperBytes)) return Result::InvalidImage;
  const auto *inner = readAt<const std::uint8_t *>(bytes, 8);
  if (!inner || !isMapped(inner, containerHeaderBytes) || readAt<std::uint32_t>(inner, 0) != containerMark)
    return Result::InvalidImage;
  return textOfContainer(inner, 0, spec, text);
}

} // namespace sage::sim
