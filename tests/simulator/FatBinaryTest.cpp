// Code in fat binaries: plain, LZ4 and Zstandard; the choice among several architectures; damaged containers. The
// containers are built here; clients/fatbins.sh takes the toolkit's.
#include <lz4.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {

using namespace cuda;

namespace {

using Bytes = std::vector<char>;

enum class Packing : std::uint64_t { None = 0, Lz4 = 0x2000, Zstd = 0x8000, Unknown = 0x4000 };

template <class T> void append(Bytes &to, T value) {
  const auto *p = reinterpret_cast<const char *>(&value);
  to.insert(to.end(), p, p + sizeof value);
}

Bytes packed(const std::string &text, Packing packing) {
  Bytes result(packing == Packing::Lz4 ? static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(text.size())))
                                       : ZSTD_compressBound(text.size()));
  if (packing == Packing::Lz4)
    result.resize(static_cast<std::size_t>(LZ4_compress_default(
        text.data(), result.data(), static_cast<int>(text.size()), static_cast<int>(result.size()))));
  else if (packing == Packing::Zstd)
    result.resize(ZSTD_compress(result.data(), result.size(), text.data(), text.size(), 3));
  else
    result.assign(text.begin(), text.end());
  return result;
}

/// An entry of PTX (kind 1) or machine code (kind 2).
Bytes entry(const std::string &code, Packing packing, std::uint16_t kind = 1) {
  Bytes payload = packed(code, packing), result;
  const auto packedBytes = static_cast<std::uint32_t>(packing == Packing::None ? 0 : payload.size());
  payload.resize((payload.size() + 8) / 8 * 8);
  append<std::uint16_t>(result, kind);
  append<std::uint16_t>(result, 0x101);
  append<std::uint32_t>(result, 64);
  append<std::uint64_t>(result, payload.size());
  append<std::uint32_t>(result, packedBytes);
  append<std::uint32_t>(result, 64);
  append<std::uint32_t>(result, 0);
  append<std::uint32_t>(result, 80);
  append<std::uint64_t>(result, 0);
  append<std::uint64_t>(result, 0x11 | static_cast<std::uint64_t>(packing));
  append<std::uint64_t>(result, 0);
  append<std::uint64_t>(result, packing == Packing::None ? 0 : code.size());
  result.insert(result.end(), payload.begin(), payload.end());
  return result;
}

Bytes container(const std::vector<Bytes> &entries) {
  Bytes all, result;
  for (const Bytes &e : entries) all.insert(all.end(), e.begin(), e.end());
  append<std::uint32_t>(result, 0xba55ed50);
  append<std::uint16_t>(result, 1);
  append<std::uint16_t>(result, 16);
  append<std::uint64_t>(result, all.size());
  result.insert(result.end(), all.begin(), all.end());
  return result;
}

/// A kernel that stores VALUE.
std::string storing(int value, const std::string &target) {
  return kernelText(".param .u64 p",
                    ".reg .b64 %p; ld.param.b64 %p, [p]; st.global.u32 [%p], " + std::to_string(value) + ";", target);
}

/// What the kernel in the image stores; or the code of the load, negative.
int valueOf(const void *image) {
  Module module = nullptr;
  const Result loaded = cuModuleLoadFatBinary(&module, image);
  if (loaded != Result::Success) return -static_cast<int>(loaded);
  Function function = nullptr;
  REQUIRE(cuModuleGetFunction(&function, module, "k") == Result::Success);
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{0});
  DevicePtr p = a.address();
  void *arguments[] = {&p};
  CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr) == Result::Success);
  cuModuleUnload(module);
  return static_cast<int>(a.get()[0]);
}

constexpr int invalidImage = -static_cast<int>(Result::InvalidImage);
constexpr int noBinary = -static_cast<int>(Result::NoBinaryForGpu);

/// Bytes that end where readable memory ends.
class Fenced {
public:
  explicit Fenced(const Bytes &bytes) : pages((bytes.size() + page - 1) / page * page) {
    base = static_cast<char *>(mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base != MAP_FAILED);
    munmap(base + pages, page);
    data = base + pages - bytes.size();
    std::memcpy(data, bytes.data(), bytes.size());
  }
  ~Fenced() { munmap(base, pages); }
  Fenced(const Fenced &) = delete;
  Fenced &operator=(const Fenced &) = delete;
  char *data;

private:
  static constexpr std::size_t page = 4096;
  std::size_t pages;
  char *base;
};

} // namespace

TEST_CASE("PTX in a fat binary is taken plain and compressed, through every call that takes code") {
  const simtest::Device device;
  for (const Packing packing : {Packing::None, Packing::Lz4, Packing::Zstd}) {
    const Bytes image = container({entry(storing(7, "sm_80"), packing)});
    CHECK(valueOf(image.data()) == 7);
    Module module = nullptr;
    CHECK(cuModuleLoadData(&module, image.data()) == Result::Success);
    Library library = nullptr;
    CHECK(cuLibraryLoadData(&library, image.data(), nullptr, nullptr, 0, nullptr, nullptr, 0) == Result::Success);
    CHECK(cuLibraryUnload(library) == Result::Success);
    Link link = nullptr;
    REQUIRE(cuLinkCreate_v2(0, nullptr, nullptr, &link) == Result::Success);
    constexpr int fatBinary = 2;
    CHECK(cuLinkAddData_v2(link, fatBinary, const_cast<char *>(image.data()), image.size(), "x", 0, nullptr, nullptr) ==
          Result::Success);
    CHECK(cuLinkAddData_v2(link, fatBinary, const_cast<char *>(image.data()), image.size() - 1, "x", 0, nullptr,
                           nullptr) == Result::InvalidImage);
    CHECK(cuLinkDestroy(link) == Result::Success);
    const auto file = std::filesystem::temp_directory_path() / ("sagesim-" + std::to_string(getpid()) + ".fatbin");
    std::ofstream(file, std::ios::binary).write(image.data(), static_cast<std::streamsize>(image.size()));
    CHECK(cuModuleLoad(&module, file.c_str()) == Result::Success);
    std::filesystem::remove(file);
  }
}

TEST_CASE("of several architectures the one that suits the device best is taken") {
  const Bytes image =
      container({entry("\x7f"
                       "ELF machine code",
                       Packing::None, 2),
                 entry(storing(75, "sm_75"), Packing::Zstd), entry(storing(90, "sm_90"), Packing::None),
                 entry(storing(900, "sm_90a"), Packing::Lz4), entry(storing(80, "sm_80"), Packing::Lz4)});
  struct {
    const char *arch;
    int value;
  } cases[] = {{"sm_80", 80}, {"sm_86", 80}, {"sm_90a", 900}, {"sm_120a", 90}};
  for (const auto &c : cases) {
    const simtest::Device device(c.arch);
    CHECK(valueOf(image.data()) == c.value);
  }
}

TEST_CASE("the wrapper of a compiled program leads to its container") {
  const simtest::Device device;
  const Bytes image = container({entry(storing(3, "sm_80"), Packing::Lz4)});
  struct {
    std::uint32_t mark = 0x466243b1, version = 1;
    const void *data;
    void *file = nullptr;
  } wrapper{.data = image.data()};
  CHECK(valueOf(&wrapper) == 3);
  wrapper.data = nullptr;
  CHECK(valueOf(&wrapper) == invalidImage);
  wrapper.data = reinterpret_cast<const void *>(std::uintptr_t{64});
  CHECK(valueOf(&wrapper) == invalidImage);
}

TEST_CASE("a fat binary without usable PTX has no binary for this GPU") {
  const simtest::Device device;
  CHECK(valueOf(container({}).data()) == noBinary);
  CHECK(valueOf(container({entry("\x7f"
                                 "ELF",
                                 Packing::None, 2)})
                    .data()) == noBinary);
  CHECK(valueOf(container({entry(storing(1, "sm_90"), Packing::None)}).data()) == noBinary);
  CHECK(valueOf(container({entry(storing(1, "sm_80a"), Packing::None)}).data()) == noBinary);
  CHECK(valueOf(container({entry(storing(1, "sm_80"), Packing::Unknown)}).data()) == invalidImage);
}

TEST_CASE("damaged fat binaries are refused and never read beyond their memory") {
  const simtest::Device device;
  for (const Packing packing : {Packing::None, Packing::Lz4, Packing::Zstd}) {
    const Bytes good = container({entry(storing(5, "sm_80"), packing), entry(storing(6, "sm_75"), packing)});
    unsigned refused = 0;
    // Every byte of the headers, with each of a few damages; what still loads computes one of the two values.
    for (std::size_t at = 0; at < 16 + 64; ++at)
      for (const int damage : {0x01, 0x40, 0x80, 0xff}) {
        Bytes bad = good;
        bad[at] = static_cast<char>(bad[at] ^ damage);
        const Fenced fenced(bad);
        const int value = valueOf(fenced.data);
        const bool known = value == 5 || value == 6 || value == invalidImage || value == noBinary ||
                           value == -static_cast<int>(Result::InvalidPtx);
        INFO("byte " << at << " damage " << damage << " gives " << value);
        CHECK(known);
        refused += value < 0;
      }
    CHECK(refused > 50);
    // Sizes that lead far away, and code that is cut off.
    for (const std::size_t at : {std::size_t{8}, std::size_t{20}, std::size_t{24}})
      for (const std::uint64_t size : {~std::uint64_t{0}, std::uint64_t{1} << 40, std::uint64_t{1} << 29}) {
        Bytes bad = good;
        std::memcpy(bad.data() + at, &size, at == 20 ? 4 : 8);
        const Fenced fenced(bad);
        CHECK(valueOf(fenced.data) == invalidImage);
      }
    if (packing == Packing::None) continue;
    Bytes bad = good;
    for (std::size_t at = 16 + 64; at < 16 + 64 + 24; ++at) bad[at] = static_cast<char>(at * 37);
    CHECK(valueOf(Fenced(bad).data) == 6); // the other entry is whole
  }
}

} // namespace sage::simtest
