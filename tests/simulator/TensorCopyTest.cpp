// Tensor copies in tile mode, one to five dimensions, in and out: every element a number of its own; where it must
// stand follows from the text of the PTX ISA (§5.5: boxes, bounds, strides; §5.5.6: the tables of the swizzles),
// written down here once more.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "Async.h"

namespace sage::simtest {
namespace {

using sim::TensorElement;
using sim::TensorMap;
using sim::TensorSwizzle;

struct Case {
  unsigned rank = 1;
  TensorElement element = TensorElement::U8;
  TensorSwizzle swizzle = TensorSwizzle::None;
  std::array<int, 5> size{1, 1, 1, 1, 1}, box{1, 1, 1, 1, 1}, step{1, 1, 1, 1, 1}, start{};
  bool nan = false;
  unsigned pad = 0;    ///< bytes between the rows of dimension 0, a multiple of 16
  bool hinted = false; ///< other words for the same: with cache hints, and the default modes not written

  unsigned elementBytes() const { return sim::tensorElementBytes(element); }
  int count(unsigned d) const { return (box[d] + step[d] - 1) / step[d]; }
  unsigned tileBytes() const {
    unsigned n = elementBytes();
    for (unsigned d = 0; d < rank; ++d) n *= static_cast<unsigned>(count(d));
    return n;
  }
  /// Bytes from one element to the next along dimension D.
  std::uint64_t pitch(unsigned d) const {
    std::uint64_t p = elementBytes();
    for (unsigned k = 0; k < d; ++k)
      p = k == 0 ? (p * static_cast<unsigned>(size[0]) + 15) / 16 * 16 + pad : p * static_cast<unsigned>(size[k]);
    return p;
  }
  std::uint64_t tensorBytes() const { return pitch(rank - 1) * static_cast<unsigned>(size[rank - 1]) + 16; }

  TensorMap map(std::uint64_t address) const {
    TensorMap m;
    m.magic = TensorMap::magicValue;
    m.element = element;
    m.swizzle = swizzle;
    m.rank = static_cast<std::uint8_t>(rank);
    m.nanFill = nan;
    m.address = address;
    for (unsigned d = 0; d < rank; ++d) {
      m.size[d] = static_cast<std::uint32_t>(size[d] - 1);
      m.box[d] = static_cast<std::uint16_t>(box[d]);
      m.elementStride[d] = static_cast<std::uint8_t>(step[d]);
      if (d > 0) m.stride[d - 1] = pitch(d);
    }
    return m;
  }
};

/// Calls BODY(byte in the tile, byte in the tensor or −1) for each element of the box.
template <class Body> void eachElement(const Case &c, Body body) {
  std::array<int, 5> at{};
  const unsigned bytes = c.elementBytes(), total = c.tileBytes() / bytes;
  for (unsigned e = 0; e < total; ++e) {
    std::int64_t offset = 0;
    bool inside = true;
    for (unsigned d = 0; d < c.rank; ++d) {
      const int x = c.start[d] + at[d] * c.step[d];
      inside &= x >= 0 && x < c.size[d];
      offset += x * static_cast<std::int64_t>(c.pitch(d));
    }
    body(e * bytes, inside ? offset : -1);
    for (unsigned d = 0; d < c.rank && ++at[d] == c.count(d); ++d) at[d] = 0;
  }
}

// §5.5.6: which 16-byte piece of a 128-byte line stands where, line by line.
unsigned swizzledPiece(TensorSwizzle s, unsigned line, unsigned piece) {
  constexpr unsigned b128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
                                   {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                   {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
  switch (s) {
  case TensorSwizzle::B32: return b128[line % 2][piece];
  case TensorSwizzle::B64: return b128[line % 4][piece];
  case TensorSwizzle::B128: return b128[line % 8][piece];
  default: return piece;
  }
}

unsigned place(const Case &c, unsigned byte) {
  return byte / 128 * 128 + swizzledPiece(c.swizzle, byte / 128, byte / 16 % 8) * 16 + byte % 16;
}

std::string coordinates(unsigned rank) {
  std::string text = "{";
  for (unsigned d = 0; d < rank; ++d) text += (d ? ", %r" : "%r") + std::to_string(10 + d);
  return text + "}";
}

/// Copies the tile in, shared memory to p, and the tile out to another tensor or, with an OPERATION, into it.
std::string copyKernel(const Case &c, const std::string &operation = "") {
  const std::string dims = "." + std::to_string(c.rank) + "d", bytes = std::to_string(c.tileBytes());
  const std::string hint = c.hinted ? ".L2::cache_hint" : "", policy = c.hinted ? ", %rd7" : "",
                    tile = c.hinted ? "" : ".tile", at = coordinates(c.rank);
  std::string loads;
  for (unsigned d = 0; d < c.rank; ++d)
    loads += "ld.param.s32 %r" + std::to_string(10 + d) + ", [c+" + std::to_string(4 * d) + "];\n";
  const std::string in = "cp.async.bulk.prefetch.tensor" + dims + ".L2.global" + tile + hint + " [%rd5, " + at + "]" +
                         policy + ";\ncp.async.bulk.tensor" + dims + (c.hinted ? ".shared::cta" : ".shared::cluster") +
                         ".global" + tile + ".mbarrier::complete_tx::bytes" + hint + " [s], [%rd5, " + at +
                         "], [s+16384]" + policy + ";\n";
  const std::string out = (operation.empty() ? "cp.async" : "cp.reduce.async") + std::string(".bulk.tensor") + dims +
                          ".global.shared::cta" + (operation.empty() ? "" : "." + operation) + tile + ".bulk_group" +
                          hint + " [%rd6, " + at + "], [s]" + policy + ";\n";
  return kernel90(
      ".param .align 64 .b8 a[128], .param .align 64 .b8 b[128], .param .align 4 .b8 c[20], .param .u64 p",
      "setp.ne.u32 %p1, %t, 0; mov.b64 %rd5, a; cvta.param.u64 %rd5, %rd5; mov.b64 %rd6, b; cvta.param.u64 %rd6, "
      "%rd6;\ncreatepolicy.fractional.L2::evict_first.b64 %rd7;\n" +
          loads +
          "@%p1 bra READY; mbarrier.init.shared.b64 [s+16384], 1;\nmbarrier.arrive.expect_tx.shared.b64 _, "
          "[s+16384], " +
          bytes + ";\n" + in + "READY: bar.sync 0;\n" + waitFor("s+16384", "0") + "@!%p1 " + out +
          "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n" + dump(c.tileBytes()));
}

struct alignas(4) Coordinates {
  std::array<int, 5> c;
};

/// A pattern in which neighbours differ, whatever the width of elements.
std::vector<std::uint8_t> pattern(std::size_t bytes) {
  std::vector<std::uint8_t> data(bytes);
  for (std::size_t k = 0; k < bytes; ++k) data[k] = static_cast<std::uint8_t>(k * 37 + (k >> 8) * 11 + 1);
  return data;
}

bool isNan(TensorElement e, const std::uint8_t *p) {
  double d;
  float f;
  std::uint16_t h;
  switch (e) {
  case TensorElement::F64: return std::memcpy(&d, p, 8), std::isnan(d);
  case TensorElement::F16: return std::memcpy(&h, p, 2), (h & 0x7fff) > 0x7c00;
  case TensorElement::BF16: return std::memcpy(&h, p, 2), (h & 0x7fff) > 0x7f80;
  default: return std::memcpy(&f, p, 4), std::isnan(f);
  }
}

void check(const Case &c) {
  INFO("rank " << c.rank << ", element " << static_cast<int>(c.element) << ", swizzle " << static_cast<int>(c.swizzle)
               << ", start " << c.start[0] << " " << c.start[1] << " " << c.start[2]);
  const auto image = pattern(c.tensorBytes());
  const unsigned padded = (c.tileBytes() + 127) / 128 * 128;
  REQUIRE(c.tileBytes() == padded); // the kernel dumps whole lines
  const Array<std::uint8_t> in(image), back(std::vector<std::uint8_t>(image.size(), 0xee)), out(padded);
  Kernel kernel(copyKernel(c));
  kernel({.sharedBytes = 16392}, MapArgument(c.map(in.address())), MapArgument(c.map(back.address())),
         Coordinates{c.start}, out.address());
  const auto tile = out.get(), written = back.get();
  std::vector<std::uint8_t> expected(image.size(), 0xee);
  const unsigned n = c.elementBytes();
  eachElement(c, [&](unsigned byte, std::int64_t offset) {
    const std::uint8_t *got = tile.data() + place(c, byte);
    const std::vector<std::uint8_t> zero(n);
    if (offset >= 0) {
      REQUIRE(std::memcmp(got, image.data() + offset, n) == 0);
      std::memcpy(expected.data() + offset, image.data() + offset, n);
    } else if (c.nan) {
      REQUIRE(isNan(c.element, got));
    } else {
      REQUIRE(std::memcmp(got, zero.data(), n) == 0);
    }
  });
  REQUIRE(written == expected);
}

} // namespace

TEST_CASE("tensor copies of one to five dimensions, in and out of bounds") {
  const Device device("sm_90a");
  const std::array<int, 5> size{40, 9, 5, 4, 3}, box{32, 4, 3, 2, 2};
  for (unsigned rank = 1; rank <= 5; ++rank)
    for (const std::array<int, 5> &start :
         {std::array<int, 5>{0, 0, 0, 0, 0}, std::array<int, 5>{8, 2, 1, 1, 1}, std::array<int, 5>{-5, -1, -1, -1, -1},
          std::array<int, 5>{30, 7, 4, 3, 2}, std::array<int, 5>{64, 0, 0, 0, 0}}) {
      Case c{.rank = rank, .element = TensorElement::U32, .size = size, .box = box, .start = start};
      c.pad = rank > 1 ? 32 : 0;
      check(c);
      c.hinted = true;
      check(c);
    }
}

TEST_CASE("tensor copies of every element type") {
  const Device device("sm_90a");
  for (int e = 0; e <= 12; ++e) {
    const auto element = static_cast<TensorElement>(e);
    const int width = static_cast<int>(128 / sim::tensorElementBytes(element));
    Case c{.rank = 2, .element = element, .size = {width + 16, 6}, .box = {width, 4}, .start = {16, 3}};
    check(c);
    c.start = {width, -2};
    check(c);
    c.nan = e >= 6;
    check(c);
  }
}

TEST_CASE("tensor copies with each swizzle") {
  const Device device("sm_90a");
  for (const auto &[swizzle, span] : {std::pair{TensorSwizzle::None, 64}, std::pair{TensorSwizzle::B32, 32},
                                      std::pair{TensorSwizzle::B64, 64}, std::pair{TensorSwizzle::B128, 128}})
    for (const auto element : {TensorElement::U8, TensorElement::F16, TensorElement::F32}) {
      const int width = span / static_cast<int>(sim::tensorElementBytes(element));
      Case c{.rank = 3, .element = element, .swizzle = swizzle, .size = {width + 16, 20, 3}, .box = {width, 16, 2}};
      check(c);
      c.start = {16, 7, 2};
      check(c);
      c.start = {-3, -5, 0};
      check(c);
    }
}

TEST_CASE("tensor copies with strides of elements") {
  const Device device("sm_90a");
  Case c{.rank = 3, .element = TensorElement::U16, .size = {64, 12, 9}, .box = {64, 8, 6}, .step = {1, 2, 3}};
  check(c);
  c.start = {0, 5, 4};
  check(c);
  c.step = {1, 3, 4}; // boxes that are no multiple of the stride
  c.start = {-8, -3, -1};
  check(c);
}

namespace {

/// Element OLD op VALUE of tensors of elements of T.
template <class T> T reduced(const std::string &op, T old, T value) {
  if (op == "min") return std::min(old, value);
  if (op == "max") return std::max(old, value);
  if constexpr (std::is_integral_v<T>) {
    if (op == "inc") return old >= value ? 0 : static_cast<T>(old + 1);
    if (op == "dec") return old == 0 || old > value ? value : static_cast<T>(old - 1);
    if (op == "and") return old & value;
    if (op == "or") return old | value;
    if (op == "xor") return old ^ value;
    return static_cast<T>(static_cast<std::uint64_t>(old) + static_cast<std::uint64_t>(value));
  } else {
    return old + value;
  }
}

/// Reduces one tensor into another inside of the bounds, in every operation of OPS.
template <class T>
void checkReductions(TensorElement element, const std::vector<std::string> &ops, T (*valueOf)(unsigned)) {
  unsigned turn = 0;
  for (const std::string &op : ops)
    for (unsigned rank = 1; rank <= 5; ++rank, ++turn) {
      const int row = static_cast<int>(128 / sizeof(T));
      Case c{.rank = rank,
             .element = element,
             .size = {row + 16, 6, 3, 2, 2},
             .box = {row, 4, 2, 1, 2},
             .start = {16, -1, 1, 1, -1}};
      c.hinted = turn % 2;
      std::vector<T> from(c.tensorBytes() / sizeof(T)), to(from.size());
      for (unsigned k = 0; k < from.size(); ++k) from[k] = valueOf(3 * k + 1), to[k] = valueOf(7 * k + 5);
      const Array<T> in(from), sums(to);
      const Array<std::uint8_t> out(c.tileBytes());
      Kernel kernel(copyKernel(c, op));
      kernel({.sharedBytes = 16392}, MapArgument(c.map(in.address())), MapArgument(c.map(sums.address())),
             Coordinates{c.start}, out.address());
      eachElement(c, [&](unsigned, std::int64_t offset) {
        if (offset < 0) return;
        T &old = to[static_cast<std::size_t>(offset) / sizeof(T)];
        old = reduced(op, old, from[static_cast<std::size_t>(offset) / sizeof(T)]);
      });
      INFO(op << ", rank " << rank << ", element " << static_cast<int>(element));
      const auto got = sums.get();
      REQUIRE(std::memcmp(got.data(), to.data(), to.size() * sizeof(T)) == 0);
    }
}
template <class T> T number(unsigned k) { return static_cast<T>(k * 0x9e3779b97f4a7c15ull >> (k % 3 * 8)); }
template <class T> T exact(unsigned k) { return static_cast<T>(static_cast<int>(k * 37 % 101) - 50); }

} // namespace

TEST_CASE("tensor reductions in every operation, type and rank, inside of the bounds") {
  const Device device("sm_90a");
  const std::vector<std::string> order = {"min", "max"}, sums = {"add", "min", "max"}, bits = {"and", "or", "xor"};
  using E = TensorElement;
  checkReductions<std::uint32_t>(E::U32, {"add", "min", "max", "inc", "dec", "and", "or", "xor"}, number);
  checkReductions<std::int32_t>(E::S32, order, number);
  checkReductions<std::uint32_t>(E::S32, {"add", "and", "or", "xor"}, number); // the same bits
  checkReductions<std::uint64_t>(E::U64, sums, number);
  checkReductions<std::uint64_t>(E::U64, bits, number);
  checkReductions<std::int64_t>(E::S64, order, number);
  checkReductions<_Float16>(E::F16, sums, exact);
  checkReductions<float>(E::F32, {"add"}, exact);
  checkReductions<float>(E::F32Ftz, {"add"}, exact);
  checkReductions<double>(E::F64, {"add"}, exact);
}

TEST_CASE("sums of f32 elements flush subnormal numbers where the tensor map says so") {
  const Device device("sm_90a");
  const auto tiny = [](unsigned k) { return static_cast<float>(k % 5) * 0x1p-127f; };
  checkReductions<float>(TensorElement::F32, {"add"}, tiny);
  const Case c{.rank = 1, .element = TensorElement::F32Ftz, .size = {32}, .box = {32}};
  const Array<float> in(std::vector<float>(36, 0x1p-127f)), sums(std::vector<float>(36, 0x1p-127f)), out(32);
  Kernel kernel(copyKernel(c, "add"));
  kernel({.sharedBytes = 16392}, MapArgument(c.map(in.address())), MapArgument(c.map(sums.address())),
         Coordinates{c.start}, out.address());
  const auto got = sums.get();
  for (unsigned k = 0; k < 36; ++k) REQUIRE(got[k] == (k < 32 ? 0.0f : 0x1p-127f));
}

TEST_CASE("a kernel builds a tensor map, sends it to global memory and copies with it") {
  const Device device("sm_90a");
  // 3D f16 elements, 24 × 6 × 4 with rows 64 and planes 512 bytes apart; a box of 32 × 2 × 2 beyond the right edge.
  std::vector<std::uint16_t> image(4 * 256);
  for (std::size_t k = 0; k < image.size(); ++k) image[k] = static_cast<std::uint16_t>(k + 1);
  for (const bool inGlobal : {false, true}) {
    const auto field = [&](const std::string &name, const std::string &type, const std::string &value) {
      return "@!%p1 tensormap.replace.tile." + name + (inGlobal ? ".global.b1024." : ".shared::cta.b1024.") + type +
             (inGlobal ? " [%rd5], " : " [s+2048], ") + value + ";\n";
    };
    std::string body =
        "setp.ne.u32 %p1, %t, 0; mov.u32 %r8, s; shl.b32 %r1, %t, 2; add.u32 %r2, %r8, %r1; st.shared.b32 "
        "[%r2+2048], 0;\n"
        "ld.param.u64 %rd3, [q]; ld.param.u64 %rd5, [m]; mad.wide.u32 %rd6, %t, 4, %rd5; st.global.b32 "
        "[%rd6], 0; bar.warp.sync 0xffffffff;\n" +
        field("global_address", "b64", "%rd3") + field("rank", "b32", "2") + field("elemtype", "b32", "6") +
        field("interleave_layout", "b32", "0") + field("swizzle_mode", "b32", "2") + field("fill_mode", "b32", "0");
    const std::array<std::string, 3> dims{"24", "6", "4"}, box{"32", "2", "2"};
    for (unsigned d = 0; d < 3; ++d) {
      const std::string at = std::to_string(d) + ", ";
      body += field("global_dim", "b32", at + dims[d]) + field("box_dim", "b32", at + box[d]) +
              field("element_stride", "b32", at + "1");
      if (d < 2) body += field("global_stride", "b64", at + (d == 0 ? "64" : "512"));
    }
    if (!inGlobal)
      body +=
          "bar.warp.sync 0xffffffff;\ntensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync."
          "aligned [%rd5], [s+2048], 128;\n";
    body +=
        "fence.proxy.tensormap::generic.release.gpu; fence.proxy.tensormap::generic.acquire.gpu [%rd5], 128;\n"
        "@%p1 bra READY; mov.u32 %r10, 8; mov.u32 %r11, 3; mov.u32 %r12, 1; mbarrier.init.shared.b64 [s+4096], 1;\n"
        "mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], 256;\n"
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd5, {%r10, %r11, %r12}], "
        "[s+4096];\nREADY: bar.sync 0;\n" +
        waitFor("s+4096", "0") + dump(256);
    Kernel kernel(kernel90(".param .u64 p, .param .u64 q, .param .u64 m", body));
    const Array<std::uint16_t> in(image), out(128);
    const Array<std::uint8_t> map(128);
    kernel({.sharedBytes = 4104}, out.address(), in.address(), map.address());
    const auto got = out.get();
    for (unsigned z = 0; z < 2; ++z)
      for (unsigned y = 0; y < 2; ++y)
        for (unsigned x = 0; x < 32; ++x) {
          const unsigned at = ((z * 2 + y) * 32 + x) * 2, place = at ^ (at / 128 % 4) * 16;
          REQUIRE(got[place / 2] == (x + 8 < 24 ? image[(z + 1) * 256 + (y + 3) * 32 + x + 8] : 0));
        }
  }
}

TEST_CASE("tensormap.replace refuses what a map cannot be") {
  Device device("sm_90a");
  for (const char *bad : {"rank.shared::cta.b1024.b32 [s], 5", "box_dim.shared::cta.b1024.b32 [s], 5, 16",
                          "box_dim.shared::cta.b1024.b32 [s], 0, 257", "global_stride.shared::cta.b1024.b64 [s], 4, 64",
                          "global_address.shared::cta.b1024.b64 [s], 8", "elemtype.shared::cta.b1024.b32 [s], 13",
                          "swizzle_atomicity.shared::cta.b1024.b32 [s], 1"}) {
    INFO(bad);
    Kernel kernel(kernel90("", "tensormap.replace.tile." + std::string(bad) + ";"));
    CHECK(kernel.tryLaunch({.sharedBytes = 128}) == Result::IllegalInstruction);
    CHECK(lastReport().text.find(bad) != std::string::npos);
    device.reset();
  }
}

TEST_CASE("a tensor map of another rank, or none, is reported") {
  Device device("sm_90a");
  const Case c{.rank = 2, .element = TensorElement::U8, .size = {128, 4}, .box = {128, 1}};
  Case other = c;
  other.rank = 3;
  const Array<std::uint8_t> in(pattern(c.tensorBytes())), out(c.tileBytes());
  for (const bool nothing : {false, true}) {
    Kernel kernel(copyKernel(c));
    const TensorMap map = nothing ? TensorMap{} : other.map(in.address());
    REQUIRE(kernel.tryLaunch({.sharedBytes = 16392}, MapArgument(map), MapArgument(map), Coordinates{c.start},
                             out.address()) == Result::IllegalInstruction);
    REQUIRE(lastReport().text.find("cp.async.bulk.prefetch.tensor") != std::string::npos); // the first to use it
    device.reset();
  }
}

} // namespace sage::simtest
