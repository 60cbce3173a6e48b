// wmma, mma.m8n8k4 of f16, and the 8-bit forms of ldmatrix and stmatrix: a number of its own in every element, and its
// place from the manual's formulas (PTX ISA §9.7.14.4, §9.7.14.5.1, §9.7.14.5.15–17).
#include <catch2/catch.hpp>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "Device.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;

std::string list(char name, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i) text += (i ? ", %" : "%") + std::string(1, name) + std::to_string(i);
  return text + "}";
}
std::uint16_t halfBits(float x) { return std::bit_cast<std::uint16_t>(static_cast<_Float16>(x)); }

/// How wmma stores a type in memory: bytes and the code of a small integer.
struct Stored {
  const char *name;
  unsigned bits;
  std::uint64_t (*code)(int);
};
const Stored f16{"f16", 16, [](int x) { return std::uint64_t{halfBits(static_cast<float>(x))}; }};
const Stored bf16{"bf16", 16, [](int x) { return std::uint64_t{std::bit_cast<u32>(static_cast<float>(x)) >> 16}; }};
const Stored f32{"f32", 32, [](int x) { return std::uint64_t{std::bit_cast<u32>(static_cast<float>(x))}; }};
const Stored tf32{"tf32", 32, f32.code};
const Stored f64{"f64", 64, [](int x) { return std::bit_cast<std::uint64_t>(static_cast<double>(x)); }};
const Stored s32{"s32", 32, [](int x) { return std::uint64_t{static_cast<u32>(x)}; }};
const Stored s8{"s8", 8, [](int x) { return static_cast<std::uint64_t>(x) & 255; }};
const Stored u8{"u8", 8, s8.code};
const Stored s4{"s4", 4, [](int x) { return static_cast<std::uint64_t>(x) & 15; }};
const Stored u4{"u4", 4, s4.code};
const Stored b1{"b1", 1, [](int x) { return static_cast<std::uint64_t>(x) & 1; }};

struct Layout {
  bool columns;
  unsigned rows, across;
  unsigned stride() const { return (columns ? rows : across) + 32; } ///< more than the matrix needs
  std::size_t at(unsigned row, unsigned column) const {
    return columns ? std::size_t{column} * stride() + row : std::size_t{row} * stride() + column;
  }
  std::size_t size() const { return std::size_t{columns ? across : rows} * stride(); }
  const char *name() const { return columns ? "col" : "row"; }
};

std::vector<std::uint8_t> pack(const Stored &type, const Layout &l, const std::vector<int> &values) {
  std::vector<std::uint8_t> bytes(l.size() * type.bits / 8 + 8);
  for (unsigned row = 0; row < l.rows; ++row)
    for (unsigned column = 0; column < l.across; ++column) {
      const std::size_t bit = l.at(row, column) * type.bits;
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + bit / 8, std::min<std::size_t>(8, bytes.size() - bit / 8));
      word |= type.code(values[row * l.across + column]) << (bit % 8);
      std::memcpy(bytes.data() + bit / 8, &word, std::min<std::size_t>(8, bytes.size() - bit / 8));
    }
  return bytes;
}

struct Wmma {
  const char *shape;
  unsigned m, n, k;
  Stored a, b, c, d;
  unsigned regsA, regsB, regsC, regsD;
  const char *target;
  std::string op; ///< "" or "xor.popc."
};

std::string registers(char name, const Stored &type) {
  return std::string(".reg .") +
         (type.bits == 64                          ? "f64"
          : type.bits == 32 && type.name[0] == 'f' ? "f32"
                                                   : "b32") +
         " %" + name + "<8>;";
}

/// D as it stands in memory, for matrices of small integers; each operand in the layout given.
std::vector<std::uint8_t> runWmma(const Wmma &w, const Layout &la, const Layout &lb, const Layout &lc, const Layout &ld,
                                  const std::vector<int> &a, const std::vector<int> &b, const std::vector<int> &c) {
  const std::string shape = w.shape;
  const auto move = [&](const std::string &what, const Layout &l, const std::string &type) {
    return "wmma." + what + ".sync.aligned." + l.name() + "." + shape + ".global." + type;
  };
  std::string types;
  if (std::string(w.a.name) == "f16")
    types = std::string(w.d.name) + "." + w.c.name;
  else
    types = std::string(w.d.name) + "." + w.a.name + "." + w.b.name + "." + w.c.name;
  std::string body = registers('a', w.a) + registers('b', w.b) + registers('c', w.c) + registers('d', w.d) +
                     ".reg .b64 %p, %q, %r, %s;\n"
                     "ld.param.b64 %p, [a]; ld.param.b64 %q, [b]; ld.param.b64 %r, [c]; ld.param.b64 %s, [d];\n";
  body += move("load.a", la, w.a.name) + " " + list('a', w.regsA) + ", [%p], " + std::to_string(la.stride()) + ";\n";
  body += move("load.b", lb, w.b.name) + " " + list('b', w.regsB) + ", [%q], " + std::to_string(lb.stride()) + ";\n";
  body += move("load.c", lc, w.c.name) + " " + list('c', w.regsC) + ", [%r], " + std::to_string(lc.stride()) + ";\n";
  body += "wmma.mma." + w.op + "sync.aligned." + la.name() + "." + lb.name() + "." + shape + "." + types + " " +
          list('d', w.regsD) + ", " + list('a', w.regsA) + ", " + list('b', w.regsB) + ", " + list('c', w.regsC) +
          ";\n";
  body += move("store.d", ld, w.d.name) + " [%s], " + list('d', w.regsD) + ", " + std::to_string(ld.stride()) + ";";
  Kernel kernel(kernelText(".param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d", body, w.target));
  const Array<std::uint8_t> ba(pack(w.a, la, a)), bb(pack(w.b, lb, b)), bc(pack(w.c, lc, c));
  Array<std::uint8_t> bd(pack(w.d, ld, std::vector<int>(w.m * w.n)));
  kernel({}, ba.address(), bb.address(), bc.address(), bd.address());
  return bd.get();
}

void checkWmma(const Wmma &w, bool columnsA, bool columnsB, bool columnsC, bool columnsD) {
  std::mt19937 random(3);
  const bool isBit = w.a.bits == 1, isUnsigned = w.a.name[0] == 'u';
  const auto some = [&](std::size_t n, int low, int high) {
    std::vector<int> v(n);
    for (int &x : v) x = low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    return v;
  };
  const int low = isBit || isUnsigned ? 0 : -3, high = isBit ? 1 : 3;
  const auto a = some(w.m * w.k, low, high), b = some(w.k * w.n, low, high);
  std::vector<int> c(w.m * w.n);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<int>(i) - 50;
  const Layout la{columnsA, w.m, w.k}, lb{columnsB, w.k, w.n}, lc{columnsC, w.m, w.n}, ld{columnsD, w.m, w.n};
  std::vector<int> d = c;
  for (unsigned row = 0; row < w.m; ++row)
    for (unsigned column = 0; column < w.n; ++column)
      for (unsigned k = 0; k < w.k; ++k) {
        const int x = a[row * w.k + k], y = b[k * w.n + column];
        d[row * w.n + column] += w.op.starts_with("xor") ? x ^ y : x * y;
      }
  INFO(w.shape << " " << w.a.name << " " << w.c.name << " " << w.d.name << " " << columnsA << columnsB << columnsC
               << columnsD);
  CHECK((runWmma(w, la, lb, lc, ld, a, b, c) == pack(w.d, ld, d)));
}

/// Rows of 16 bytes in shared memory, a byte each a number of its own; what each lane gets from INSTRUCTION.
std::vector<u32> loadRows(const std::string &instruction, unsigned count, const std::vector<std::uint8_t> &memory) {
  std::string body = ".shared .align 16 .b8 s[512]; .reg .b32 %x<4>, %m, %l, %v<4>; .reg .b64 %p, %t; mov.u32 %l, "
                     "%tid.x; shl.b32 %m, %l, 4; ld.param.b64 %p, [q]; cvt.u64.u32 %t, %m; add.s64 %p, %p, %t; "
                     "ld.global.v4.b32 {%v0, %v1, %v2, %v3}, [%p]; mov.b32 %v0, %v0; mov.b32 %l, s; add.s32 %m, %m, "
                     "%l; st.shared.v4.b32 [%m], {%v0, %v1, %v2, %v3}; bar.sync 0;\n";
  body += instruction + " " + list('x', count) +
          ", [%m]; mov.u32 %l, %tid.x; ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t;\n";
  for (unsigned i = 0; i < count; ++i)
    body += "st.global.b32 [%p+" + std::to_string(128 * i) + "], %x" + std::to_string(i) + ";\n";
  Kernel kernel(kernelText(".param .u64 p, .param .u64 q", body, "sm_120a"));
  const Array<u32> out(32 * count);
  const Array<std::uint8_t> in(memory);
  kernel({}, out.address(), in.address());
  return out.get();
}

} // namespace

TEST_CASE("wmma is the matrix product in every shape, type and layout") {
  const Device device;
  std::vector<Wmma> all;
  const auto sixteens = [&](const Stored &a, const Stored &c, const Stored &d, std::array<unsigned, 6> ab) {
    const unsigned rc = c.bits / 4, rd = d.bits / 4;
    all.push_back({"m16n16k16", 16, 16, 16, a, a, c, d, ab[0], ab[1], rc, rd, "sm_80", ""});
    all.push_back({"m8n32k16", 8, 32, 16, a, a, c, d, ab[2], ab[3], rc, rd, "sm_80", ""});
    all.push_back({"m32n8k16", 32, 8, 16, a, a, c, d, ab[4], ab[5], rc, rd, "sm_80", ""});
  };
  for (const auto &c : {f16, f32})
    for (const auto &d : {f16, f32}) sixteens(f16, c, d, {8, 8, 8, 8, 8, 8});
  sixteens(bf16, f32, f32, {4, 4, 2, 8, 8, 2});
  for (const auto &a : {s8, u8}) sixteens(a, s32, s32, {2, 2, 1, 4, 4, 1});
  all.push_back({"m16n16k8", 16, 16, 8, tf32, tf32, f32, f32, 4, 4, 8, 8, "sm_80", ""});
  all.push_back({"m8n8k4", 8, 8, 4, f64, f64, f64, f64, 1, 1, 2, 2, "sm_80", ""});
  for (const Wmma &w : all)
    for (const unsigned layouts : {0u, 2u, 5u, 9u, 15u})
      checkWmma(w, layouts & 1, layouts & 2, layouts & 4, layouts & 8);
  for (const auto &a : {s4, u4})
    checkWmma({"m8n8k32", 8, 8, 32, a, a, s32, s32, 1, 1, 2, 2, "sm_80", ""}, false, true, true, false);
  for (const char *op : {"xor.popc.", "and.popc."})
    checkWmma({"m8n8k128", 8, 8, 128, b1, b1, s32, s32, 1, 1, 2, 2, "sm_80", op}, false, true, false, true);
}

TEST_CASE("mma m8n8k4 of f16 is four products, one for each quad pair") {
  const Device device;
  // §9.7.14.5.1: rows and columns of an element, by lane and number, for each layout.
  const auto upper = [](unsigned lane) { return lane < 16 ? 0u : 4u; };
  std::mt19937 random(5);
  for (const unsigned mode : {0u, 1u, 2u, 3u}) {
    const bool columnsA = mode & 1, columnsB = mode & 2;
    for (const std::string d : {"f16", "f32"})
      for (const std::string c : {"f16", "f32"}) {
        if (d == "f16" && c == "f32") continue;
        int a[4][8][4], b[4][4][8];
        for (auto *p = &a[0][0][0]; p < &a[0][0][0] + 128; ++p) *p = static_cast<int>(random() % 9) - 4;
        for (auto *p = &b[0][0][0]; p < &b[0][0][0] + 128; ++p) *p = static_cast<int>(random() % 9) - 4;
        const auto sumPlace = [&](unsigned lane, unsigned i, const std::string &type) {
          if (type == "f16") return std::pair{lane % 4 + upper(lane), i};
          return std::pair{(lane & 1) + (i & 2) + upper(lane), (i & 4) + (lane & 2) + (i & 1)};
        };
        std::vector<u32> fa(64), fb(64), fc(256);
        for (unsigned lane = 0; lane < 32; ++lane) {
          const unsigned q = lane / 4 % 4;
          for (unsigned i = 0; i < 4; ++i) {
            const int x = columnsA ? a[q][i + upper(lane)][lane % 4] : a[q][lane % 4 + upper(lane)][i];
            const int y = columnsB ? b[q][i][lane % 4 + upper(lane)] : b[q][lane % 4][i + upper(lane)];
            fa[32 * (i / 2) + lane] |= u32{halfBits(static_cast<float>(x))} << (16 * (i % 2));
            fb[32 * (i / 2) + lane] |= u32{halfBits(static_cast<float>(y))} << (16 * (i % 2));
          }
          for (unsigned i = 0; i < 8; ++i) {
            const auto [row, column] = sumPlace(lane, i, c);
            const auto value = static_cast<float>(100 * q + 8 * row + column);
            if (c == "f16")
              fc[32 * (i / 2) + lane] |= u32{halfBits(value)} << (16 * (i % 2));
            else
              fc[32 * i + lane] = std::bit_cast<u32>(value);
          }
        }
        std::string body = ".reg .b32 %a<2>, %b<2>, %c<8>, %d<8>, %l; .reg .b64 %p, %t; mov.u32 %l, %tid.x; "
                           "mul.wide.u32 %t, %l, 4;\n";
        const auto load = [&](char name, unsigned count) {
          body += std::string("ld.param.b64 %p, [") + name + "]; add.s64 %p, %p, %t;\n";
          for (unsigned i = 0; i < count; ++i)
            body +=
                std::string("ld.global.b32 %") + name + std::to_string(i) + ", [%p+" + std::to_string(128 * i) + "];\n";
        };
        const unsigned regsC = c == "f16" ? 4 : 8, regsD = d == "f16" ? 4 : 8;
        load('a', 2), load('b', 2), load('c', regsC);
        body += std::string("mma.sync.aligned.m8n8k4.") + (columnsA ? "col." : "row.") + (columnsB ? "col." : "row.") +
                d + ".f16.f16." + c + " " + list('d', regsD) + ", " + list('a', 2) + ", " + list('b', 2) + ", " +
                list('c', regsC) + "; ld.param.b64 %p, [d]; add.s64 %p, %p, %t;\n";
        for (unsigned i = 0; i < regsD; ++i)
          body += "st.global.b32 [%p+" + std::to_string(128 * i) + "], %d" + std::to_string(i) + ";\n";
        Kernel kernel(kernelText(".param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d", body));
        const Array<u32> ba(fa), bb(fb), bc(fc), bd(256);
        kernel({}, ba.address(), bb.address(), bc.address(), bd.address());
        std::vector<u32> got(32 * regsD);
        bd.read(got.data(), got.size() * 4);
        std::size_t wrong = 0;
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 8; ++i) {
            const unsigned q = lane / 4 % 4;
            const auto [row, column] = sumPlace(lane, i, d);
            int want = static_cast<int>(100 * q + 8 * row + column);
            for (unsigned k = 0; k < 4; ++k) want += a[q][row][k] * b[q][k][column];
            const auto value = static_cast<float>(want);
            wrong += d == "f16" ? (got[32 * (i / 2) + lane] >> (16 * (i % 2)) & 0xffff) != halfBits(value)
                                : got[32 * i + lane] != std::bit_cast<u32>(value);
          }
        INFO(body);
        CHECK(wrong == 0);
      }
  }
}

TEST_CASE("ldmatrix of bytes and of 6- and 4-bit elements gives each its place") {
  const Device device("sm_120a");
  // Two runs tell 512 bytes apart: the number's low byte, then its high bit.
  for (const unsigned shift : {0u, 8u}) {
    std::vector<std::uint8_t> memory(512);
    for (unsigned i = 0; i < 512; ++i) memory[i] = static_cast<std::uint8_t>(i >> shift);
    for (const unsigned matrices : {1u, 2u}) {
      const auto x = loadRows("ldmatrix.sync.aligned.m16n16.x" + std::to_string(matrices) + ".trans.shared.b8",
                              2 * matrices, memory);
      for (unsigned r = 0; r < 2 * matrices; ++r)
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned j = 0; j < 4; ++j) {
            // Transposed: the thread's row is the column in memory. r0 has row g, r1 row g + 8, columns 4t … 4t + 3.
            const unsigned row = lane / 4 + 8 * (r % 2), column = lane % 4 * 4 + j;
            REQUIRE((x[32 * r + lane] >> (8 * j) & 255) == memory[256 * (r / 2) + 16 * column + row]);
          }
    }
  }
  std::mt19937 random(8);
  std::vector<std::uint8_t> memory(512);
  for (auto &x : memory) x = static_cast<std::uint8_t>(random());
  for (const unsigned bits : {6u, 4u}) {
    const auto element = [&](unsigned row, unsigned k) {
      u32 value = 0;
      for (unsigned b = 0; b < bits; ++b)
        value |= (memory[16 * row + (k * bits + b) / 8] >> ((k * bits + b) % 8) & 1u) << b;
      return value;
    };
    const std::string format = bits == 6 ? "b8x16.b6x16_p32" : "b8x16.b4x16_p64";
    for (const unsigned count : {1u, 2u, 4u}) {
      const auto x =
          loadRows("ldmatrix.sync.aligned.m8n16.x" + std::to_string(count) + ".shared." + format, count, memory);
      for (unsigned r = 0; r < count; ++r)
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned j = 0; j < 4; ++j)
            REQUIRE((x[32 * r + lane] >> (8 * j) & 255) == element(8 * r + lane / 4, lane % 4 * 4 + j));
    }
    const auto x = loadRows("ldmatrix.sync.aligned.m16n16.x1.trans.shared." + format, 2, memory);
    for (unsigned r = 0; r < 2; ++r)
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned j = 0; j < 4; ++j)
          REQUIRE((x[32 * r + lane] >> (8 * j) & 255) == element(lane % 4 * 4 + j, lane / 4 + 8 * r));
  }
}

TEST_CASE("stmatrix writes every element where the ISA says") {
  const Device device("sm_120a");
  for (const std::string form : {"m8n8", "m8n8.trans", "m16n8.trans"})
    for (const unsigned count : {1u, 2u, 4u}) {
      const bool bytes = form == "m16n8.trans", transposed = form != "m8n8";
      std::string name = form;
      name.insert(form.find('.') == std::string::npos ? form.size() : form.find('.'), ".x" + std::to_string(count));
      // Register r of a lane: its four bytes (two halves) are numbers of their own; the high part in a second run.
      std::string body = ".shared .align 16 .b8 s[512]; .reg .b32 %x<4>, %m, %l, %v, %w; .reg .b64 %p, %t; mov.u32 %l, "
                         "%tid.x; shl.b32 %m, %l, 4; mov.b32 %v, s; add.s32 %m, %m, %v; mov.b32 %v, 0; "
                         "st.shared.v4.b32 [%m], {%v, %v, %v, %v}; bar.sync 0; ld.param.b64 %p, [q]; mul.wide.u32 %t, "
                         "%l, 4; add.s64 %p, %p, %t;\n";
      for (unsigned i = 0; i < count; ++i)
        body += "ld.global.b32 %x" + std::to_string(i) + ", [%p+" + std::to_string(128 * i) + "];\n";
      body += "stmatrix.sync.aligned." + name + ".shared." + (bytes ? "b8" : "b16") + " [%m], " + list('x', count) +
              "; bar.sync 0; ld.shared.v4.b32 {%x0, %x1, %x2, %x3}, [%m]; ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, "
              "16; add.s64 %p, %p, %t; st.global.v4.b32 [%p], {%x0, %x1, %x2, %x3};";
      Kernel kernel(kernelText(".param .u64 p, .param .u64 q", body, "sm_120a"));
      std::mt19937 random(4);
      std::vector<u32> in(128);
      for (auto &x : in) x = static_cast<u32>(random());
      const Array<u32> source(in);
      const Array<std::uint8_t> out(512);
      kernel({}, out.address(), source.address());
      const auto got = out.get();
      std::vector<std::uint8_t> want(512);
      for (unsigned r = 0; r < count; ++r)
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned j = 0; j < 4; ++j) {
            const auto byte = static_cast<std::uint8_t>(in[32 * r + lane] >> (8 * j));
            const unsigned g = lane / 4, t = lane % 4, row = g, column = 2 * t + j / 2;
            if (bytes) // column-major: row 2t + (j & 1) of memory is the matrix's column
              want[16 * (8 * r + 2 * t + (j & 1)) + g + 8 * (j >> 1)] = byte;
            else if (transposed)
              want[16 * (8 * r + column) + 2 * row + j % 2] = byte;
            else
              want[16 * (8 * r + row) + 2 * column + j % 2] = byte;
          }
      INFO(name);
      CHECK(got == want);
    }
}

TEST_CASE("movmatrix transposes") {
  const Device device;
  Kernel kernel(kernelText(".param .u64 p", ".reg .b32 %l, %x, %y; .reg .b64 %p, %t; mov.u32 %l, %tid.x; shl.b32 %x, "
                                            "%l, 1; mad.lo.u32 %x, %x, 65537, 65536; movmatrix.sync.aligned.m8n8.trans."
                                            "b16 %y, %x; ld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, "
                                            "%t; st.global.b32 [%p], %y;"));
  const Array<u32> out(32);
  kernel({}, out.address());
  const auto got = out.get();
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 2; ++i) REQUIRE((got[lane] >> (16 * i) & 0xffff) == 8 * (lane % 4 * 2 + i) + lane / 4);
}

} // namespace sage::simtest
