// Peaks of mma.sync: 16 warps an SM, each with a 32 × 32 tile of accumulators (2 fragments of A by 4 of B, eight
// independent MMAs), operands in registers. Every count adds A·B and then A·(−B), so the accumulators stay small
// however long it runs, and both operands and sums keep toggling; A·B is added once more at the end, and checked
// (Peak.h).
//
// SASS: 16 IMMA.16832.S8.S8, HMMA.16816.F32, HMMA.16816.F16 or QMMA.16832.F32.E4M3.E4M3 a count; sm_90a has no QMMA and
// converts to f16 first.
#include "Elements.h"
#include "Peak.h"

#include "reference/Half.h"

#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr unsigned threads = 512;
constexpr int tilesA = 2, tilesB = 4, regsA = 4, regsB = 2;
constexpr int rowsA = 16 * tilesA, rowsB = 8 * tilesB;

struct Kind {
  std::string name, what, suffix; // of the instruction
  Element element;
  bool halfSums = false;
  std::vector<std::string_view> archs = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"};
  int k() const { return 32 / typeOf(element).bytes; }
  int sums() const { return halfSums ? 2 : 4; } // registers of a fragment of accumulators
  int results() const { return tilesA * tilesB * sums(); }
};

const std::vector<Kind> &kinds() {
  static const std::vector<Kind> list = {
      {"mma.s8", "mma.sync m16n8k32, s8, s32 accumulators", "m16n8k32.row.col.s32.s8.s8.s32", Element::S8},
      {"mma.f16", "mma.sync m16n8k16, f16, f32 accumulators", "m16n8k16.row.col.f32.f16.f16.f32", Element::F16},
      {"mma.f16-f16", "mma.sync m16n8k16, f16, f16 accumulators", "m16n8k16.row.col.f16.f16.f16.f16", Element::F16,
       true},
      {"mma.e4m3",
       "mma.sync m16n8k32, e4m3, f32 accumulators",
       "m16n8k32.row.col.f32.e4m3.e4m3.f32",
       Element::E4M3,
       false,
       {"sm_89", "sm_90a", "sm_120a"}},
  };
  return list;
}

// All eight MMAs with the fragments of B under this letter.
std::string products(const Kind &kind, std::string_view letter) {
  std::string text;
  for (int i = 0; i < tilesA; ++i)
    for (int j = 0; j < tilesB; ++j) {
      const std::string sums = registerList("d", kind.sums(), (i * tilesB + j) * kind.sums());
      text += "mma.sync.aligned." + kind.suffix + " " + sums + ", " + registerList("a", regsA, i * regsA) + ", " +
              registerList(letter, regsB, j * regsB) + ", " + sums + ";\n";
    }
  return text;
}

KernelText kernelOf(const Kind &kind, std::string_view arch) {
  TimedLoop loop;
  loop.setup = ".reg .b32 a<8>, b<8>, n<8>, d<32>, lane;\n"
               "and.b32 lane, tid, 31;\nmul.wide.u32 wide, lane, 96;\nadd.u64 address, in, wide;\n";
  int offset = 0;
  for (std::string_view letter : {"a", "b", "n"})
    for (int first : {0, 4}) {
      loop.setup +=
          "ld.global.v4.b32 " + registerList(letter, 4, first) + ", [address + " + std::to_string(offset) + "];\n";
      offset += 16;
    }
  for (int k = 0; k < kind.results(); ++k) loop.setup += "mov.b32 d" + std::to_string(k) + ", 0;\n";
  loop.body = products(kind, "b") + products(kind, "n");
  loop.ending = products(kind, "b");
  for (int k = 0; k < kind.results(); ++k) loop.results.push_back("d" + std::to_string(k));
  // sm_90a and sm_89 know the e4m3 product since PTX 8.4 (PTX ISA, "mma").
  const bool needsNewer = kind.element == Element::E4M3 && arch != "sm_120a";
  return {timedLoop(loop), threads, 0, needsNewer ? "8.4" : ""};
}

struct Operands {
  OperandMatrix a, b;
};

Operands operandsOf(const Kind &kind) {
  return {OperandMatrix::random(kind.element, rowsA, 1, 1), OperandMatrix::random(kind.element, rowsB, 1, 2)};
}

// For each lane what the kernel loads: fragments of A, B and −B.
std::vector<std::uint32_t> fragments(const Operands &operands) {
  std::vector<std::uint32_t> words;
  const OperandMatrix negated = operands.b.negated();
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < tilesA; ++i)
      for (int r = 0; r < regsA; ++r) words.push_back(fragmentA(operands.a, 16 * i, 0, lane, r));
    for (const OperandMatrix *b : {&operands.b, &negated})
      for (int j = 0; j < tilesB; ++j)
        for (int r = 0; r < regsB; ++r) words.push_back(fragmentB(*b, 8 * j, 0, lane, r));
  }
  return words;
}

double sumAt(const Kind &kind, const std::uint32_t *registers, int element) {
  if (kind.element == Element::S8) return std::int32_t(registers[element]);
  if (!kind.halfSums) return std::bit_cast<float>(registers[element]);
  return reference::halfValue(std::uint16_t(registers[element / 2] >> 16 * (element % 2)));
}

// Accumulator c of a fragment: row lane / 4 (+ 8 for c ≥ 2), column 2·(lane % 4) + c % 2.
bool accept(const Kind &kind, const std::vector<Product> &exact, const std::uint32_t *results, double additions) {
  for (int thread = 0; thread < int(threads); ++thread)
    for (int tile = 0; tile < tilesA * tilesB; ++tile)
      for (int c = 0; c < 4; ++c) {
        const int lane = thread % 32, row = tile / tilesB * 16 + lane / 4 + 8 * (c / 2);
        const int column = tile % tilesB * 8 + 2 * (lane % 4) + c % 2;
        const Product &wanted = exact[std::size_t(row * rowsB + column)];
        const double sum = sumAt(kind, results + thread * kind.results() + tile * kind.sums(), c);
        const double allowed = additions * truncationLoss(kind.element, kind.halfSums, wanted);
        if (!(std::fabs(sum - wanted.sum) <= allowed)) return false;
      }
  return true;
}

Result<std::vector<Reading>> measure(const Kind &kind, Bench &bench) {
  const Operands operands = operandsOf(kind);
  const std::vector<std::uint32_t> words = fragments(operands);
  SAGE_TRY(bench.makeInput(4 * words.size()));
  SAGE_TRY(bench.upload(words));
  std::vector<Product> exact;
  for (int row = 0; row < rowsA; ++row)
    for (int column = 0; column < rowsB; ++column) exact.push_back(dot(operands.a, row, operands.b, column));
  Peak peak;
  peak.count = 200000;
  peak.operationsPerCount = 2. * tilesA * tilesB * 2 * 16 * 8 * kind.k() * (threads / 32);
  peak.resultsPerThread = std::size_t(kind.results());
  peak.accept = [&](const std::uint32_t *results, double additions) { return accept(kind, exact, results, additions); };
  return measurePeak(bench, peak);
}

} // namespace

std::vector<Probe> mmaProbes() {
  std::vector<Probe> probes;
  for (const Kind &kind : kinds())
    probes.push_back({"mma", kind.archs, peakQuantities(kind.name, kind.what),
                      [&kind](std::string_view arch) { return kernelOf(kind, arch); },
                      [&kind](Bench &bench) { return measure(kind, bench); }});
  return probes;
}

} // namespace sage::machine
