// Loads and stores of every type, register width, vector length, state space, strength and cache hint (PTX ISA §9.7.9.8
// ld, .9 ld.global.nc, .10 ldu, .11 st), contiguous and permuted, against the bytes of the memory: little-endian, a
// signed type extends its sign to the register's width, everything else zeros.
#include <catch2/catch.hpp>

#include "Forms.h"

namespace sage::simtest {
namespace {

using std::uint64_t, std::uint8_t;

struct Element {
  std::string type;
  unsigned bits;
  bool isSigned = false;
  bool anyRegister = false; ///< the register may be wider
};
const std::vector<Element> elements = {{"b8", 8, false, true},
                                       {"u8", 8, false, true},
                                       {"s8", 8, true, true},
                                       {"b16", 16, false, true},
                                       {"u16", 16, false, true},
                                       {"s16", 16, true, true},
                                       {"b32", 32, false, true},
                                       {"u32", 32, false, true},
                                       {"s32", 32, true, true},
                                       {"f32", 32},
                                       {"b64", 64},
                                       {"u64", 64},
                                       {"s64", 64},
                                       {"f64", 64},
                                       {"f16", 16},
                                       {"bf16", 16},
                                       {"f16x2", 32},
                                       {"bf16x2", 32}};

/// One instruction of a test's kernel.
struct Access {
  std::string opcode;
  Element element;
  unsigned registerBits, vector;
  bool permuted;
  bool isQuad = false; ///< of 128 bits: two elements in one register
  unsigned slot = 0;   ///< loads: the first result; stores: the first byte

  unsigned chunk() const { return vector * element.bits / 8; }
  unsigned place(unsigned lane) const { return permuted ? (lane * 5 + 3) % 32 : lane; }
};

/// Every type, register and vector that one lane may access with at most MAXIMUM bytes, the modifiers of PATTERN by
/// turns.
std::vector<Access> accesses(const std::string &pattern, unsigned longestVector, unsigned maximum = 16) {
  std::vector<Access> all;
  for (const Element &e : elements)
    for (unsigned r = std::max(16u, e.bits); r <= (e.anyRegister ? 64 : std::max(16u, e.bits)); r *= 2)
      for (unsigned v = 1; v <= longestVector && v * e.bits / 8 <= maximum; v *= 2)
        for (const bool permuted : {false, true}) {
          if (v == 8 && (e.bits != 32 || e.type.ends_with("16x2"))) continue; // 32 bytes: eight of 32 bits, four of 64
          const std::string opcode = nthForm(pattern, static_cast<unsigned>(all.size()));
          all.push_back({opcode + (v > 1 ? ".v" + std::to_string(v) : "") + "." + e.type, e, r, v, permuted});
        }
  return all;
}

/// As many accesses of 128 bits as show every modifier of PATTERN.
std::vector<Access> quads(const std::string &pattern) {
  std::vector<Access> all;
  for (unsigned n = 0; n < 2 * formCount(pattern); ++n)
    all.push_back({nthForm(pattern, n / 2) + ".b128", {"b64", 64}, 64, 2, n % 2 != 0, true});
  return all;
}

std::string registerName(unsigned bits, unsigned k) {
  return (bits == 16 ? "%h" : bits == 32 ? "%w" : "%l") + std::to_string(k);
}
std::string registersOf(const Access &a) {
  if (a.isQuad) return "%q";
  std::string text;
  for (unsigned k = 0; k < a.vector; ++k) text += (k ? ", " : "") + registerName(a.registerBits, k);
  return a.vector == 1 ? text : "{" + text + "}";
}

uint8_t byteAt(unsigned k) { return static_cast<uint8_t>((k * 167 + 41) ^ k >> 3); }
constexpr unsigned dataBytes = 1024;

/// What stands in a state space, and how its address comes to %base.
struct Home {
  std::string prepare;
  bool isCluster = false;
};
Home homeOf(const std::string &space, bool generic = false) {
  // Lane l copies 32 bytes to shared memory; to local memory each lane copies all.
  const std::string shared =
      "mad.wide.u32 %a, %lane, 32, %src; mov.u64 %base, s; mad.wide.u32 %x, %lane, 32, %base;\n" +
      copyWords("%a", "%x", "global", "shared", 8) + "bar.warp.sync -1;\n";
  const std::string cast = generic ? "cvta." + space + ".u64 %base, %base;\n" : "";
  if (space == "global") return {"mov.b64 %base, %src;\n" + cast};
  if (space.starts_with("shared::cluster"))
    return {shared +
                "mov.u32 %w0, %cluster_ctarank; xor.b32 %w0, %w0, 1; mapa.shared::cluster.u64 %base, %base, %w0;\n" +
                cast + "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n",
            true};
  if (space.starts_with("shared")) return {shared + cast};
  if (space == "local") return {"mov.u64 %base, loc;\n" + copyWords("%src", "%base", "global", "local", 256) + cast};
  if (space == "const") return {"mov.u64 %base, con;\n" + cast};
  return {"mov.b64 %base, data;\n" + cast};
}

const std::string parameters = ".param .u64 out, .param .u64 src, .param .align 32 .b8 data[1024]";
std::string globals() {
  std::string bytes;
  for (unsigned k = 0; k < dataBytes; ++k) bytes += (k ? "," : "") + std::to_string(byteAt(k));
  return ".extern .shared .align 32 .b8 s[];\n.const .align 32 .b8 con[1024] = {" + bytes + "};\n";
}
const std::string head =
    ".reg .b16 %h<8>; .reg .b32 %w<8>, %lane, %perm; .reg .b64 %l<8>, %x, %y, %a, %base, %out, %src; .reg .pred %p;\n"
    ".reg .b128 %q; .local .align 32 .b8 loc[1024];\nmov.u32 %lane, %tid.x; mad.lo.u32 %perm, %lane, 5, 3; and.b32 "
    "%perm, %perm, 31;\nld.param.u64 %out, [out]; ld.param.u64 %src, [src];\n";

std::string addressOf(const Access &a) {
  return "mad.wide.u32 %a, " + std::string(a.permuted ? "%perm" : "%lane") + ", " + std::to_string(a.chunk()) +
         ", %base;\n";
}

struct alignas(32) Data {
  uint8_t bytes[dataBytes];
};

/// Runs all loads in one kernel and looks at every result.
void checkLoads(std::vector<Access> loads, const std::string &space, bool generic = false) {
  const Home home = homeOf(space, generic);
  std::string body = head + home.prepare + "mad.wide.u32 %out, %lane, 8, %out;\n";
  unsigned results = 0;
  if (home.isCluster) body += "mov.u32 %w0, %cluster_ctarank; setp.ne.u32 %p, %w0, 0; @%p bra END;\n";
  for (Access &a : loads) {
    a.slot = results;
    body +=
        addressOf(a) + a.opcode + " " + registersOf(a) + ", [%a];\n" + (a.isQuad ? "mov.b128 {%l0, %l1}, %q;\n" : "");
    for (unsigned k = 0; k < a.vector; ++k, ++results) {
      const std::string r = registerName(a.registerBits, k), bits = std::to_string(a.registerBits);
      body += (a.registerBits == 64 ? "mov.b64 %x, " : "cvt.u64.u" + bits + " %x, ") + r + "; st.global.b64 [%out+" +
              std::to_string(results * 256) + "], %x;\n";
    }
  }
  body += "END:\n";
  if (home.isCluster) body += "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
  Data data;
  for (unsigned k = 0; k < dataBytes; ++k) data.bytes[k] = byteAt(k);
  const Array<uint8_t> source(std::vector<uint8_t>(data.bytes, data.bytes + dataBytes));
  const Array<uint64_t> out(results * 32);
  const unsigned blocks = home.isCluster ? 2 : 1;
  Kernel kernel(kernelText(parameters, body, "sm_120a", globals()));
  kernel({.gridX = blocks, .sharedBytes = dataBytes, .clusterX = blocks}, out.address(), source.address(), data);
  const auto got = out.get();
  for (const Access &a : loads)
    for (unsigned e = 0; e < a.vector; ++e)
      for (unsigned lane = 0; lane < 32; ++lane) {
        const unsigned bytes = a.element.bits / 8, at = a.place(lane) * a.chunk() + e * bytes;
        uint64_t want = 0;
        for (unsigned k = 0; k < bytes; ++k) want |= uint64_t{data.bytes[at + k]} << 8 * k;
        if (a.element.isSigned && want >> (a.element.bits - 1)) want |= ~uint64_t{0} << (a.element.bits - 1);
        if (a.registerBits < 64) want &= (uint64_t{1} << a.registerBits) - 1;
        if (got[(a.slot + e) * 32 + lane] == want) continue;
        FAIL(a.opcode << " into " << a.registerBits << " bits from " << space << (generic ? ", generic" : "")
                      << ": lane " << lane << ", element " << e << " is " << got[(a.slot + e) * 32 + lane] << ", not "
                      << want);
      }
  SUCCEED();
}

/// Element E of LANE in a store: any number, from the kernel and from here.
uint64_t stored(unsigned lane, unsigned e) {
  return (lane + 1) * 0x9e3779b97f4a7c15ull + (e + 1) * 0xc2b2ae3d27d4eb4full;
}

/// Runs stores, each to a place of its own, and compares the memory. Local memory has one place for each lane.
void checkSomeStores(std::vector<Access> stores, const std::string &space, bool generic) {
  const bool isLocal = space == "local", isShared = space.starts_with("shared");
  const Home home = homeOf(space, generic);
  unsigned bytes = 0;
  for (Access &a : stores) a.slot = bytes, bytes += (a.chunk() + 31) / 32 * 32 * (isLocal ? 1 : 32);
  std::string globalsText = globals(), body = head;
  body.replace(body.find("loc[1024]"), 9, "loc[" + std::to_string(bytes) + "]");
  // The copy of the data is overwritten, so nothing is undefined.
  body += space == "global" ? "mov.b64 %base, %out;\n"
          : isLocal         ? "mov.u64 %base, loc;\n" + (generic ? std::string("cvta.local.u64 %base, %base;\n") : "")
                            : home.prepare;
  for (unsigned k = 0; k < 8; ++k)
    for (const unsigned bits : {64, 32, 16})
      body += bits == 64 ? "cvt.u64.u32 %l" + std::to_string(k) + ", %lane; mad.lo.u64 %l" + std::to_string(k) +
                               ", %l" + std::to_string(k) + ", 0x9e3779b97f4a7c15, " + hexadecimal(stored(0, k)) + ";\n"
                         : "cvt.u" + std::to_string(bits) + ".u64 " + registerName(bits, k) + ", %l" +
                               std::to_string(k) + ";\n";
  for (const Access &a : stores)
    body += (a.isQuad ? "mov.b128 %q, {%l0, %l1};\n" : "") + (isLocal ? "add.u64 %a, %base, 0;\n" : addressOf(a)) +
            a.opcode + " [%a+" + std::to_string(a.slot) + "], " + registersOf(a) + ";\n";
  if (home.isCluster) body += "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
  if (isShared) body += "bar.warp.sync -1; mov.u64 %base, s;\n";
  if (isLocal) body += "mov.u64 %base, loc; mad.wide.u32 %out, %lane, " + std::to_string(bytes) + ", %out;\n";
  for (const Access &a : stores)
    for (unsigned k = 0; k < a.chunk() && space != "global"; ++k) {
      const std::string at = std::to_string(a.slot + k), from = isLocal ? "local" : "shared";
      if (isLocal)
        body += "ld.local.u8 %w0, [%base+" + at + "]; st.global.u8 [%out+" + at + "], %w0;\n";
      else
        body += "mad.wide.u32 %x, %lane, " + std::to_string(a.chunk()) + ", %base; mad.wide.u32 %y, %lane, " +
                std::to_string(a.chunk()) + ", %out; ld.shared.u8 %w0, [%x+" + at + "]; st.global.u8 [%y+" + at +
                "], %w0;\n";
    }
  const unsigned blocks = home.isCluster ? 2 : 1;
  // Both blocks of a cluster store the same, so both may copy it: one after the other.
  if (home.isCluster)
    body.insert(body.find("bar.warp.sync -1; mov.u64 %base, s;"),
                "mov.u32 %w0, %cluster_ctarank; mul.wide.u32 %x, %w0, " + std::to_string(bytes) +
                    "; add.u64 %out, %out, %x;\n");
  Data data{};
  const Array<uint8_t> source(std::vector<uint8_t>(dataBytes, 0));
  const Array<uint8_t> out(std::vector<uint8_t>(std::size_t{bytes} * (isLocal ? 32 : blocks), 0));
  Kernel kernel(kernelText(parameters, body, "sm_120a", globalsText));
  kernel({.gridX = blocks, .sharedBytes = bytes, .clusterX = blocks}, out.address(), source.address(), data);
  const auto got = out.get();
  for (const Access &a : stores)
    for (unsigned block = 0; block < blocks; ++block)
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned k = 0; k < a.chunk(); ++k) {
          const unsigned size = a.element.bits / 8,
                         at = a.slot + k + (isLocal ? lane * bytes : block * bytes + a.place(lane) * a.chunk());
          const auto want = static_cast<uint8_t>(stored(lane, k / size) >> 8 * (k % size));
          if (got[at] == want) continue;
          FAIL(a.opcode << " from " << a.registerBits << " bits" << (generic ? ", generic" : "") << ": lane " << lane
                        << ", byte " << k << " is " << unsigned{got[at]} << ", not " << unsigned{want});
        }
  SUCCEED();
}

/// As many at a time as shared memory has places for.
void checkStores(const std::vector<Access> &stores, const std::string &space, bool generic = false) {
  for (std::size_t k = 0; k < stores.size(); k += 48)
    checkSomeStores({stores.begin() + static_cast<std::ptrdiff_t>(k),
                     stores.begin() + static_cast<std::ptrdiff_t>(std::min(k + 48, stores.size()))},
                    space, generic);
}

const std::string evict = ".[L1::evict_normal|L1::evict_unchanged|L1::evict_first|L1::evict_last|L1::no_allocate]",
                  prefetch = ".[L2::64B|L2::128B|L2::256B]", scope = "cta|cluster|gpu|sys";
const std::vector<std::string> strongSpaces = {"global", "shared", "shared::cta", "shared::cluster"};

} // namespace

TEST_CASE("weak loads of every type and width from every state space") {
  const Device device("sm_120a");
  const std::string operators = ".[ca|cg|cs|lu|cv]" + prefetch;
  for (const std::string space :
       {"global", "shared", "shared::cta", "local", "const", "param", "param::entry", "shared::cluster"})
    for (const std::string weak : {"", ".weak"}) {
      const bool isWide = space == "global";
      checkLoads(accesses("ld" + weak + "." + space + operators, isWide ? 8 : 4, isWide ? 32 : 16), space);
      checkLoads(accesses("ld" + weak + "." + space + evict + prefetch, 4), space);
      if (space != "param::entry") checkLoads(accesses("ld" + weak + operators, 4), space, true);
    }
  checkLoads(accesses("ld.global" + evict + ".[L2::evict_normal|L2::evict_first|L2::evict_last]" + prefetch, 8, 32),
             "global");
  checkLoads(accesses("ld.global.[ca|cg|cs].nc" + prefetch, 8, 32), "global");
  checkLoads(accesses("ld.global.nc" + evict + prefetch, 4), "global");
  checkLoads(accesses("ldu.[global]", 4), "global");
}

TEST_CASE("strong loads of every type and width") {
  const Device device("sm_120a");
  for (const std::string &space : strongSpaces)
    for (const bool generic : {false, true}) {
      const std::string in = generic ? "" : "." + space;
      checkLoads(accesses("ld.volatile" + in + (space.ends_with("cluster") ? "" : prefetch), 4), space, generic);
      checkLoads(accesses("ld.relaxed|acquire." + scope + in + evict + prefetch, 4), space, generic);
    }
  checkLoads(accesses("ld.mmio.relaxed.sys.[global]", 1), "global");
}

TEST_CASE("weak stores of every type and width to every state space") {
  const Device device("sm_120a");
  const std::string operators = ".[wb|cg|cs|wt]";
  for (const std::string space : {"global", "shared", "shared::cta", "local", "shared::cluster"})
    for (const std::string weak : {"", ".weak"}) {
      const bool isWide = space == "global";
      checkStores(accesses("st" + weak + "." + space + operators, isWide ? 8 : 4, isWide ? 32 : 16), space);
      checkStores(accesses("st" + weak + "." + space + evict, 4), space);
      checkStores(accesses("st" + weak + operators, 4), space, true);
    }
  checkStores(accesses("st.global" + evict + ".[L2::evict_normal|L2::evict_first|L2::evict_last]", 8, 32), "global");
}

TEST_CASE("strong stores of every type and width") {
  const Device device("sm_120a");
  for (const std::string &space : strongSpaces)
    for (const bool generic : {false, true}) {
      const std::string in = generic ? "" : "." + space;
      checkStores(accesses("st.volatile" + in, 4), space, generic);
      checkStores(accesses("st.relaxed|release." + scope + in + evict, 4), space, generic);
    }
  checkStores(accesses("st.mmio.relaxed.sys.[global]", 1), "global");
}

TEST_CASE("loads and stores of 128 bits") {
  const Device device("sm_120a");
  const std::string weak = "[weak].", loads = ".[ca|cg|cs|lu|cv]" + prefetch, stores = ".[wb|cg|cs|wt]";
  for (const std::string space : {"global", "shared", "shared::cta", "local", "const", "param", "param::entry"}) {
    checkLoads(quads("ld." + weak + space + loads), space);
    checkLoads(quads("ld." + weak + space + evict), space);
    if (space == "const" || space.starts_with("param")) continue;
    checkStores(quads("st." + weak + space + stores), space);
    checkStores(quads("st." + weak + space + evict), space);
    if (space == "local") continue;
    checkLoads(quads("ld.relaxed|acquire." + scope + "." + space + evict), space);
    checkStores(quads("st.relaxed|release." + scope + "." + space + evict), space);
  }
  checkLoads(quads("ld.relaxed|acquire." + scope), "shared", true);
  checkLoads(quads("ld.global.[ca|cg|cs].nc" + prefetch), "global");
  checkLoads(quads("ldu.[global]"), "global");
  checkStores(quads("st.[weak]"), "shared", true);
}

TEST_CASE("loads and stores that the ISA does not have are refused") {
  const Device device("sm_120a");
  const std::string registers =
      ".reg .b16 %h<8>; .reg .b32 %w<8>; .reg .b64 %l<8>; .reg .b128 %q; .shared .align 32 .b8 s[64];\n"
      ".local .align 32 .b8 loc[64];\n";
  const std::string eight = "{%w0, %w1, %w2, %w3, %w4, %w5, %w6, %w7}", four = "{%l0, %l1, %l2, %l3}";
  const auto load = [&](const std::string &line, const std::string &target) {
    INFO(line);
    return tryLoad(kernelText(".param .u64 p", registers + line + ";", target)).result;
  };
  for (const std::string line :
       {"ld.relaxed.gpu.const.b32 %w0, [%l0]", "ld.acquire.cta.local.b32 %w0, [loc]",
        "ld.volatile.const.b32 %w0, [%l0]", "ld.relaxed.sys.param.b64 %l0, [p]", "st.release.gpu.local.b32 [loc], %w0",
        "ld.shared.nc.b32 %w0, [s]", "ld.nc.b32 %w0, [%l0]", "ld.mmio.acquire.sys.global.b32 %w0, [%l0]",
        "ld.mmio.relaxed.gpu.b32 %w0, [%l0]", "st.mmio.release.sys.b32 [%l0], %w0",
        "ld.mmio.relaxed.sys.shared.b32 %w0, [s]", "ld.relaxed.b32 %w0, [%l0]", "ld.volatile.ca.b32 %w0, [%l0]",
        "st.relaxed.gpu.global.wt.b32 [%l0], %w0", "st.const.b32 [%l0], %w0", "ld.global.b64 %w0, [%l0]",
        "st.global.b32 [%l0], %h0", "ldu.shared.b32 %w0, [s]"})
    CHECK(load(line, "sm_120a") == Result::InvalidPtx);
  CHECK(load("ld.global.v8.b16 {%h0, %h1, %h2, %h3, %h4, %h5, %h6, %h7}, [%l0]", "sm_120a") == Result::InvalidPtx);
  for (const std::string &line : {"ld.global.v8.b32 " + eight + ", [%l0]", "st.global.v8.f32 [%l0], " + eight,
                                  "ld.global.v4.u64 " + four + ", [%l0]", "st.global.v4.f64 [%l0], " + four,
                                  std::string("ld.global.L2::evict_last.b32 %w0, [%l0]")}) {
    CHECK(load(line, "sm_120a") == Result::Success);
    CHECK(load(line, "sm_90a") == Result::InvalidPtx);
  }
}

} // namespace sage::simtest
