// atom and red (PTX ISA §9.7.13.15, §9.7.13.16) in every operation, type, state space, order and scope: each element
// has a thread of its own, so the value before and the value after follow from the definition; and many threads at one.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "Forms.h"

namespace sage::simtest {
namespace {

using std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t, std::int64_t;
using Wide = unsigned __int128;

/// What stands in memory afterwards; INGLOBAL: in global memory, where sums of f32 flush subnormal numbers.
using Definition = std::function<Wide(Wide old, Wide b, Wide c, bool inGlobal)>;
struct Operation {
  std::string name, type;
  unsigned bits;
  Definition define;
  bool onlyAtom = false; ///< there is no red
  unsigned sources = 1;
};

template <class T> T open(Wide bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T> Wide close(T value) {
  Wide bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

// Sums of floating-point numbers: the exact one, or one of more than twice as many bits, rounded to nearest even.
Wide addF32(Wide x, Wide y, Wide, bool inGlobal) {
  const auto flush = [&](float v) { return inGlobal && std::abs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; };
  const double sum = static_cast<double>(flush(open<float>(x))) + static_cast<double>(flush(open<float>(y)));
  return std::isnan(sum) ? 0x7fffffffu : close(flush(static_cast<float>(sum)));
}
Wide addF64(Wide x, Wide y, Wide, bool) {
  const long double sum = static_cast<long double>(open<double>(x)) + static_cast<long double>(open<double>(y));
  const double once = open<double>(x) + open<double>(y);
  REQUIRE((std::isnan(once) || std::abs(static_cast<long double>(once) - sum) <= std::abs(sum) * 0x1p-53L ||
           std::isinf(once)));
  return std::isnan(once) ? 0x7ff8000000000000ull : close(once);
}
Wide addF16(Wide x, Wide y, Wide, bool) {
  const double sum = static_cast<double>(open<_Float16>(x)) + static_cast<double>(open<_Float16>(y));
  return std::isnan(sum) ? 0x7fff : close(static_cast<_Float16>(sum));
}
Wide addBF16(Wide x, Wide y, Wide, bool) {
  const auto value = [](Wide v) {
    return static_cast<long double>(std::bit_cast<float>(static_cast<uint32_t>(v) << 16));
  };
  const long double sum = value(x) + value(y);
  if (std::isnan(sum)) return 0x7fff;
  if (sum == 0 || std::isinf(sum)) return std::bit_cast<uint32_t>(static_cast<float>(sum)) >> 16;
  const long double unit = std::ldexp(1.0L, std::max(std::ilogb(sum), -126) - 7); // the last bit's
  return std::bit_cast<uint32_t>(static_cast<float>(std::nearbyint(sum / unit) * unit)) >> 16;
}
template <Wide (*Half)(Wide, Wide, Wide, bool)> Wide addPair(Wide x, Wide y, Wide, bool) {
  return Half(x & 0xffff, y & 0xffff, 0, false) | Half(x >> 16 & 0xffff, y >> 16 & 0xffff, 0, false) << 16;
}

template <class T> Wide least(Wide x, Wide y, Wide, bool) { return close(std::min(open<T>(x), open<T>(y))); }
template <class T> Wide most(Wide x, Wide y, Wide, bool) { return close(std::max(open<T>(x), open<T>(y))); }
Wide sum(Wide x, Wide y, Wide, bool) { return x + y; }

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (const auto &[type, bits] : {std::pair{"u32", 32u}, {"s32", 32u}, {"u64", 64u}, {"s64", 64u}})
    all.push_back({"add", type, bits, sum});
  all.push_back({"add", "f32", 32, addF32});
  all.push_back({"add", "f64", 64, addF64});
  all.push_back({"add.noftz", "f16", 16, addF16});
  all.push_back({"add.noftz", "bf16", 16, addBF16});
  all.push_back({"add.noftz", "f16x2", 32, addPair<addF16>});
  all.push_back({"add.noftz", "bf16x2", 32, addPair<addBF16>});
  all.push_back({"min", "u32", 32, least<uint32_t>});
  all.push_back({"min", "s32", 32, least<int32_t>});
  all.push_back({"min", "u64", 64, least<uint64_t>});
  all.push_back({"min", "s64", 64, least<int64_t>});
  all.push_back({"max", "u32", 32, most<uint32_t>});
  all.push_back({"max", "s32", 32, most<int32_t>});
  all.push_back({"max", "u64", 64, most<uint64_t>});
  all.push_back({"max", "s64", 64, most<int64_t>});
  for (const unsigned bits : {32, 64}) {
    const std::string type = "b" + std::to_string(bits);
    all.push_back({"and", type, bits, [](Wide x, Wide y, Wide, bool) { return x & y; }});
    all.push_back({"or", type, bits, [](Wide x, Wide y, Wide, bool) { return x | y; }});
    all.push_back({"xor", type, bits, [](Wide x, Wide y, Wide, bool) { return x ^ y; }});
  }
  all.push_back({"inc", "u32", 32, [](Wide x, Wide y, Wide, bool) { return x >= y ? 0 : x + 1; }});
  all.push_back({"dec", "u32", 32, [](Wide x, Wide y, Wide, bool) { return x == 0 || x > y ? y : x - 1; }});
  for (const unsigned bits : {32, 64, 128})
    all.push_back({"exch", "b" + std::to_string(bits), bits, [](Wide, Wide y, Wide, bool) { return y; }, true});
  for (const unsigned bits : {16, 32, 64, 128})
    all.push_back({"cas", "b" + std::to_string(bits), bits, [](Wide x, Wide y, Wide z, bool) { return x == y ? z : x; },
                   true, 2});
  return all;
}

constexpr unsigned threads = 128, forms = 5, perBlock = threads * forms;

/// Numbers at the edges of a type, and any others.
Wide number(const Operation &o, unsigned k, unsigned which) {
  static const std::vector<uint64_t> f32 = {0,          0x80000000, 0x3f800000, 0xbfc00000, 1,          0x80000001,
                                            0x007fffff, 0x00800000, 0x80800001, 0x7f800000, 0xff800000, 0x7fc12345};
  static const std::vector<uint64_t> integers = {0,
                                                 1,
                                                 2,
                                                 3,
                                                 7,
                                                 ~0ull,
                                                 ~0ull - 1,
                                                 1ull << 31,
                                                 (1ull << 31) - 1,
                                                 1ull << 63,
                                                 (1ull << 63) - 1,
                                                 0x123456789abcdefull};
  const unsigned pick = which == 0 ? k % 12 : k / 12 % 12;
  const uint64_t mixed = (k * 3 + which + 1) * 0x9e3779b97f4a7c15ull, any = mixed ^ mixed >> 29;
  if (o.bits == 128) return Wide{any} << 64 | (any * 31 + which);
  const bool isEdge = k < 144;
  const uint64_t f = f32[pick];
  uint64_t value = isEdge ? integers[pick] : any;
  if (isEdge && o.type == "f32") value = f;
  if (isEdge && o.type == "f64")
    value = (f & 0x80000000) << 32 | (f & 0x7f800000) * 0x0ff0'0000ull / 0xff * 0x10 | (f & 0x7fffff);
  if (isEdge && o.type.starts_with("bf16")) value = (f >> 16 | (f & 1)) * 0x10001;
  if (isEdge && o.type.starts_with("f16")) value = (f >> 31 << 15 | (f >> 23 & 31) << 10 | (f & 0x3ff)) * 0x10001;
  return value & (~0ull >> (64 - o.bits));
}

/// Where the elements stand, and whether the opcode names the place.
struct Place {
  std::string space; ///< "global", "shared", "shared::cta", "shared::cluster"
  bool named;
  bool inGlobal() const { return space == "global"; }
  bool inCluster() const { return space == "shared::cluster"; }
};
const std::vector<Place> places = {{"global", true},          {"global", false}, {"shared", true},
                                   {"shared::cta", true},     {"shared", false}, {"shared::cluster", true},
                                   {"shared::cluster", false}};

std::string moves(const Operation &o, bool isLoad, const std::string &space, const std::string &at,
                  const std::string &name) {
  const std::string pair = "{%l0, %l1}", head = (isLoad ? "ld." : "st.") + space;
  if (o.bits != 128)
    return isLoad ? head + ".b" + std::to_string(o.bits) + " " + name + ", [" + at + "];\n"
                  : head + ".b" + std::to_string(o.bits) + " [" + at + "], " + name + ";\n";
  return isLoad ? head + ".v2.b64 " + pair + ", [" + at + "]; mov.b128 " + name + ", " + pair + ";\n"
                : "mov.b128 " + pair + ", " + name + "; " + head + ".v2.b64 [" + at + "], " + pair + ";\n";
}

/// m op= b, c for every element, one form of the opcode for each run of 128; d = what was there.
std::string kernelFor(const Operation &o, const Place &place, bool isAtom, unsigned turn) {
  const std::string size = std::to_string(o.bits / 8);
  std::string body = ".reg .b" + std::to_string(o.bits) +
                     " %d, %b, %c; .reg .b32 %t, %rank, %peer, %i, %j; .reg .b64 %m, %s, %x, %y, %l<2>, %pol;\n"
                     "mov.u32 %t, %tid.x; mov.u32 %rank, %cluster_ctarank; mov.b32 %peer, %rank; "
                     "createpolicy.fractional.L2::evict_first.b64 %pol;\n";
  if (place.inCluster()) body += "xor.b32 %peer, %rank, 1;\n";
  const auto element = [&](const std::string &pointer, const std::string &block, unsigned f) {
    return "mad.lo.u32 %i, " + block + ", " + std::to_string(perBlock) + ", %t; ld.param.u64 %x, [" + pointer +
           "]; mad.wide.u32 %x, %i, " + size + ", %x; add.u64 %x, %x, " + std::to_string(f * threads * o.bits / 8) +
           ";\n";
  };
  const auto shared = [&](unsigned f) {
    return "mov.u64 %s, s; mad.wide.u32 %s, %t, " + size + ", %s; add.u64 %s, %s, " +
           std::to_string(f * threads * o.bits / 8) + ";\n";
  };
  const std::string sync =
      place.inCluster() ? "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n" : "bar.sync 0;\n";
  for (unsigned f = 0; f < forms && !place.inGlobal(); ++f)
    body += element("m", "%rank", f) + moves(o, true, "global", "%x", "%d") + shared(f) +
            moves(o, false, "shared", "%s", "%d");
  body += sync;
  const std::string order = isAtom ? ".[relaxed|acquire|release|acq_rel]" : ".[relaxed|release|acquire|acq_rel]";
  const std::string hint = place.inGlobal() && o.name != "cas" ? ".[L2::cache_hint]" : "";
  for (unsigned f = 0; f < forms; ++f) {
    const std::string opcode = nthForm((isAtom ? "atom" : "red") + order + ".[cta|cluster|gpu|sys]" +
                                           (place.named ? "." + place.space : "") + "." + o.name + hint + "." + o.type,
                                       f + turn);
    body += element("b", "%peer", f) + moves(o, true, "global", "%x", "%b");
    if (o.sources == 2) body += element("c", "%peer", f) + moves(o, true, "global", "%x", "%c");
    if (place.inGlobal())
      body += element("m", "%peer", f) + "mov.b64 %s, %x;\n";
    else
      body += shared(f);
    if (place.inCluster()) body += "mapa.shared::cluster.u64 %s, %s, %peer;\n";
    if (!place.named) body += "cvta." + place.space + ".u64 %s, %s;\n";
    body += opcode + (isAtom ? " %d, [%s], %b" : " [%s], %b") + (o.sources == 2 ? ", %c" : "") +
            (opcode.find("cache_hint") != std::string::npos ? ", %pol" : "") + ";\n";
    if (isAtom) body += element("d", "%peer", f) + moves(o, false, "global", "%x", "%d");
  }
  body += sync;
  for (unsigned f = 0; f < forms && !place.inGlobal(); ++f)
    body += shared(f) + moves(o, true, "shared", "%s", "%d") + element("m", "%rank", f) +
            moves(o, false, "global", "%x", "%d");
  return kernelText(".param .u64 m, .param .u64 b, .param .u64 c, .param .u64 d", body, "sm_90a",
                    ".extern .shared .align 16 .b8 s[];\n");
}

void check(const Operation &o, const Place &place, bool isAtom, unsigned turn) {
  INFO((isAtom ? "atom." : "red.") << o.name << "." << o.type << " in " << place.space
                                   << (place.named ? "" : ", generic"));
  const unsigned blocks = place.inCluster() ? 2 : 1, count = blocks * perBlock, bytes = o.bits / 8;
  std::vector<Wide> values[3];
  std::vector<unsigned char> packed[3];
  for (unsigned which = 0; which < 3; ++which) {
    packed[which].resize(count * bytes);
    for (unsigned k = 0; k < count; ++k) {
      Wide value = number(o, k, which);
      if (o.name == "cas" && which == 1 && k % 2) value = values[0][k];
      values[which].push_back(value);
      std::memcpy(&packed[which][k * bytes], &value, bytes);
    }
  }
  const Array<unsigned char> m(packed[0]), b(packed[1]), c(packed[2]), d(packed[2]);
  Kernel kernel(kernelFor(o, place, isAtom, turn));
  kernel({.gridX = blocks, .blockX = threads, .sharedBytes = perBlock * bytes, .clusterX = blocks}, m.address(),
         b.address(), c.address(), d.address());
  const auto after = m.get(), before = d.get();
  for (unsigned k = 0; k < count; ++k) {
    const Wide want = o.define(values[0][k], values[1][k], values[2][k], place.inGlobal());
    INFO("element " << k << ": " << hexadecimal(static_cast<uint64_t>(values[0][k])) << " and "
                    << hexadecimal(static_cast<uint64_t>(values[1][k])) << ", want "
                    << hexadecimal(static_cast<uint64_t>(want)));
    const bool fits = std::memcmp(&after[k * bytes], &want, bytes) == 0,
               found = !isAtom || std::memcmp(&before[k * bytes], &values[0][k], bytes) == 0;
    if (!fits || !found) {
      uint64_t got = 0;
      std::memcpy(&got, fits ? &before[k * bytes] : &after[k * bytes], std::min(bytes, 8u));
      FAIL((fits ? "the value before is " : "the value after is ") << hexadecimal(got));
    }
  }
  SUCCEED();
}

} // namespace

TEST_CASE("atom and red in every operation, type, state space, order and scope") {
  const Device device("sm_90a");
  unsigned turn = 0;
  for (const Operation &o : operations())
    for (const Place &place : places) {
      check(o, place, true, turn);
      if (!o.onlyAtom) check(o, place, false, turn);
      ++turn;
    }
}

TEST_CASE("many threads of many blocks at one place: nothing is lost and nothing seen twice") {
  const Device device("sm_90a");
  constexpr unsigned count = 4 * 96;
  // Every thread adds 1, and hands its number on to the next that exchanges.
  Kernel kernel(kernelText(".param .u64 p, .param .u64 q",
                           ".reg .b32 %t, %n, %c, %d<4>; .reg .b64 %p, %q; mov.u32 %t, %tid.x; mov.u32 %c, %ctaid.x; "
                           "mov.u32 %n, %ntid.x; mad.lo.u32 %t, %c, %n, %t; ld.param.u64 %p, [p]; ld.param.u64 %q, "
                           "[q]; mad.wide.u32 %q, %t, 16, %q; add.u32 %c, %t, 1;\n"
                           "atom.global.add.u32 %d0, [%p], 1; atom.global.exch.b32 %d1, [%p+4], %c;\n"
                           "atom.global.inc.u32 %d2, [%p+8], 6; atom.global.dec.u32 %d3, [%p+12], 6;\n"
                           "st.global.v4.b32 [%q], {%d0, %d1, %d2, %d3};",
                           "sm_90a"));
  const Array<uint32_t> p(std::vector<uint32_t>(4, 0)), q(count * 4);
  kernel({.gridX = 4, .blockX = 96}, p.address(), q.address());
  const auto last = p.get(), seen = q.get();
  std::vector<uint32_t> column[4], all(count), counts[2] = {std::vector<uint32_t>(7, 0), std::vector<uint32_t>(7, 0)};
  for (unsigned k = 0; k < count * 4; ++k) column[k % 4].push_back(seen[k]);
  std::iota(all.begin(), all.end(), 0u);
  std::ranges::sort(column[0]);
  REQUIRE(column[0] == all);
  REQUIRE(last[0] == count);
  column[1].push_back(last[1]);
  all.push_back(count);
  std::ranges::sort(column[1]);
  REQUIRE(column[1] == all);
  for (const unsigned k : {2, 3})
    for (const uint32_t v : column[k]) ++counts[k - 2].at(v);
  for (unsigned v = 0; v < 7; ++v) {
    REQUIRE(counts[0][v] == count / 7 + (v < count % 7));
    REQUIRE(counts[1][v] == count / 7 + ((7 - v) % 7 < count % 7));
  }
  REQUIRE(last[2] == count % 7);
  REQUIRE(last[3] == (7 - count % 7) % 7);
}

} // namespace sage::simtest
