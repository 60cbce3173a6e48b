// Peaks of wgmma: two warpgroups an SM, as a kernel with two consumers has them, each with 64 rows of A and its own
// accumulators, both reading one B. Rows of A and B are 128 bytes, four steps of k, in the 128-byte swizzle; a count
// adds A·B and A·(−B), eight wgmmas in one group, and waits for the group before it. A·B is added once more at the end.
// A comes from shared memory, or from registers, as P does in attention.
//
// SASS: 8 IGMMA, HGMMA or QGMMA .64x(N)x(K) a count and nothing else but the waits and the loop.
#include "Elements.h"
#include "Peak.h"

#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr unsigned threads = 256;
constexpr int steps = 4, rowBytes = 32 * steps, rowsA = 64;
constexpr int tileBytesA = rowsA * rowBytes;

struct Kind {
  Element element;
  int n;
  bool registersA;
  std::string name() const {
    return "wgmma." + std::string(typeOf(element).name) + "-n" + std::to_string(n) +
           (registersA ? "-registers" : "-shared");
  }
  std::string what() const {
    return "wgmma m64n" + std::to_string(n) + "k" + std::to_string(k()) + ", " + std::string(typeOf(element).name) +
           ", A from " + (registersA ? "registers" : "shared memory");
  }
  int k() const { return 32 / typeOf(element).bytes; }
  int sums() const { return n / 2; } // registers of a thread
  int tileBytesB() const { return n * rowBytes; }
};

const std::vector<Kind> &kinds() {
  static const std::vector<Kind> list = [] {
    std::vector<Kind> all;
    for (Element element : {Element::S8, Element::F16, Element::BF16, Element::E4M3})
      for (int n : {128, 256})
        for (bool registersA : {false, true}) all.push_back({element, n, registersA});
    return all;
  }();
  return list;
}

// One k step: operands 32 bytes further, which is 2 in a descriptor's units of 16.
std::string product(const Kind &kind, const char *b, int step) {
  const std::string type(typeOf(kind.element).name);
  const bool isInteger = kind.element == Element::S8, is16Bit = typeOf(kind.element).bytes == 2;
  const std::string advance = std::to_string(2 * step);
  std::string text = "add.u64 db, " + std::string(b) + ", " + advance + ";\nadd.u64 da, a, " + advance + ";\n";
  text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(kind.n) + "k" + std::to_string(kind.k()) +
          (isInteger ? ".s32." : ".f32.") + type + "." + type + " " + registerList("d", kind.sums()) + ", " +
          (kind.registersA ? registerList("f", 4, 4 * step) : "da") + ", db, yes";
  if (!isInteger) text += ", 1, 1";                        // signs of A and B
  if (is16Bit) text += kind.registersA ? ", 0" : ", 0, 0"; // neither transposed
  return text + ";\n";
}

std::string products(const Kind &kind, const char *b) {
  std::string text;
  for (int step = 0; step < steps; ++step) text += product(kind, b, step);
  return text;
}

// Shared memory: A of all warpgroups, B, −B, in the order and the swizzle in which they come from the host.
KernelText kernelOf(const Kind &kind) {
  const int sharedBytes = tileBytesA + 2 * kind.tileBytesB();
  const std::string sums = "d<" + std::to_string(kind.sums()) + ">";
  TimedLoop loop;
  loop.setup = ".reg .b32 " + sums + R"(, f<16>, v<4>, at, lane;
.reg .b64 a, b, n, da, db;
.reg .pred yes;
setp.eq.u32 yes, tid, tid;
)" + copyToShared(std::size_t(sharedBytes)) +
               R"(fence.proxy.async.shared::cta;
bar.sync 0;
// Descriptors (PTX ISA, "Matrix Descriptor Format"): address / 16, groups of 8 rows 1024 bytes apart, 128-byte swizzle.
cvt.u64.u32 wide, smem;
shr.u64 wide, wide, 4;
or.b64 a, wide, 0x4000004000010000;
add.u64 b, a, )" +
               std::to_string(tileBytesA / 16) + ";\nadd.u64 n, b, " + std::to_string(kind.tileBytesB() / 16) + ";\n";
  if (kind.registersA) {
    loop.setup += "and.b32 lane, tid, 127;\nmul.wide.u32 wide, lane, 64;\nadd.u64 address, in, wide;\n"
                  "add.u64 address, address, " +
                  std::to_string(sharedBytes) + ";\n";
    for (int step = 0; step < steps; ++step)
      loop.setup +=
          "ld.global.v4.b32 " + registerList("f", 4, 4 * step) + ", [address + " + std::to_string(16 * step) + "];\n";
  }
  for (int k = 0; k < kind.sums(); ++k) loop.setup += "mov.b32 d" + std::to_string(k) + ", 0;\n";
  loop.body = "wgmma.fence.sync.aligned;\n" + products(kind, "b") + products(kind, "n") +
              "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 1;\n";
  loop.after = "wgmma.wait_group.sync.aligned 0;\n";
  loop.ending = "wgmma.fence.sync.aligned;\n" + products(kind, "b") +
                "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
  for (int k = 0; k < kind.sums(); ++k) loop.results.push_back("d" + std::to_string(k));
  return {timedLoop(loop), threads, std::size_t(sharedBytes)};
}

// 16-byte chunk c of row r lies at chunk c ^ (r % 8).
void appendSwizzled(std::vector<std::uint32_t> &words, const OperandMatrix &matrix) {
  for (int row = 0; row < matrix.rows; ++row)
    for (int byte = 0; byte < rowBytes; byte += 4) words.push_back(matrix.word(row, byte ^ (row % 8) << 4));
}

bool accept(const Kind &kind, const std::vector<Product> &exact, const std::uint32_t *results, double additions) {
  for (int thread = 0; thread < int(threads); ++thread)
    for (int r = 0; r < kind.sums(); ++r) {
      // PTX ISA, "Register Fragments and Shared Memory Matrix Layouts": as mma.sync, warp w has rows 16w to 16w + 15.
      const int lane = thread % 128;
      const int row = lane / 32 * 16 + lane % 32 / 4 + 8 * (r % 4 / 2), column = r / 4 * 8 + 2 * (lane % 4) + r % 2;
      const Product &wanted = exact[std::size_t(row * kind.n + column)];
      const std::uint32_t bits = results[thread * kind.sums() + r];
      const double sum = kind.element == Element::S8 ? std::int32_t(bits) : std::bit_cast<float>(bits);
      const double allowed = additions * steps * truncationLoss(kind.element, /*halfSums=*/false, wanted);
      if (!(std::fabs(sum - wanted.sum) <= allowed)) return false;
    }
  return true;
}

Result<std::vector<Reading>> measure(const Kind &kind, Bench &bench) {
  const OperandMatrix a = OperandMatrix::random(kind.element, rowsA, steps, 1);
  const OperandMatrix b = OperandMatrix::random(kind.element, kind.n, steps, 2);
  std::vector<std::uint32_t> words;
  for (const OperandMatrix &matrix : {a, b, b.negated()}) appendSwizzled(words, matrix);
  for (int thread = 0; thread < 128; ++thread)
    for (int step = 0; step < steps; ++step)
      for (int r = 0; r < 4; ++r) words.push_back(fragmentA(a, thread / 32 * 16, 32 * step, thread % 32, r));
  SAGE_TRY(bench.makeInput(4 * words.size()));
  SAGE_TRY(bench.upload(words));
  std::vector<Product> exact;
  for (int row = 0; row < rowsA; ++row)
    for (int column = 0; column < kind.n; ++column) exact.push_back(dot(a, row, b, column));
  Peak peak;
  peak.count = 45000 * 256 / kind.n;
  peak.operationsPerCount = 2. * steps * (threads / 128) * 2 * 64 * kind.n * kind.k();
  peak.resultsPerThread = std::size_t(kind.sums());
  peak.accept = [&](const std::uint32_t *results, double additions) { return accept(kind, exact, results, additions); };
  return measurePeak(bench, peak);
}

} // namespace

std::vector<Probe> wgmmaProbes() {
  std::vector<Probe> probes;
  for (const Kind &kind : kinds())
    probes.push_back({"mma",
                      {"sm_90a"},
                      peakQuantities(kind.name(), kind.what()),
                      [&kind](std::string_view) { return kernelOf(kind); },
                      [&kind](Bench &bench) { return measure(kind, bench); }});
  return probes;
}

} // namespace sage::machine
