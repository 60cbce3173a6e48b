// Scores of s8 products as f32, in two ways: converted (I2FP), and free. Free is: the first product adds to
// accumulators that hold 0x4B400000, the bits of 12582912.0f = 1.5 · 2^23, where a float's last bit counts ones; so the
// bits of the s32 result are the float 12582912 + score, exactly, for scores below 2^22 in magnitude, and the
// subtraction goes into the multiply-add that scales.
//
// 16 warps an SM, each with 16 rows of A against 64 of B, 64 elements of s8 deep; every score is scaled and added up.
// A changes from count to count between two matrices, so that no product can be kept.
//
// SASS: 16 IMMA.16832.S8.S8, 32 FFMA, 32 FADD, 4 LOP3 a count; and 32 I2FP (I2F on sm_80) where they are converted, 4
// MOV where they are not.
#include "Probe.h"

#include "Elements.h"
#include "record/Statistics.h"

#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr unsigned threads = 512;
constexpr int steps = 2, tiles = 8, rows = 16, columns = 8 * tiles;
constexpr float scale = 0x1p-13f, shift = .125f, magic = 12582912.f; // magic · scale is exact

std::string tile(int j, bool isFree) {
  const std::string first = isFree ? "{z, z, z, z}" : "{n, n, n, n}";
  std::string text;
  for (int step = 0; step < steps; ++step)
    text += "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {d0, d1, d2, d3}, " + registerList("a", 4, 4 * step) +
            ", " + registerList("b", 2, 4 * j + 2 * step) + ", " + (step ? "{d0, d1, d2, d3}" : first) + ";\n";
  for (int r = 0; r < 4; ++r) {
    if (!isFree) text += withIndex("cvt.rn.f32.s32 d{k}, d{k};\n", r, 4);
    text += withIndex("fma.rn.f32 d{k}, d{k}, c0, c1;\nadd.rn.f32 s{k}, s{k}, d{k};\n", r, 4);
  }
  return text;
}

// Words of a lane: A (8), what turns its first step into the other matrix (4), B (32), c0 and c1, and two unused.
constexpr int wordsPerLane = 48;

KernelText kernelOf(bool isFree) {
  TimedLoop loop;
  loop.setup = ".reg .b32 a<12>, b<36>, d<4>, s<4>, c<2>, z, n, lane;\n"
               "and.b32 lane, tid, 31;\nmul.wide.u32 wide, lane, 192;\nadd.u64 address, in, wide;\n";
  for (int k = 0; k < 12; k += 4)
    loop.setup += "ld.global.v4.b32 " + registerList("a", 4, k) + ", [address + " + std::to_string(4 * k) + "];\n";
  for (int k = 0; k < 36; k += 4)
    loop.setup += "ld.global.v4.b32 " + registerList("b", 4, k) + ", [address + " + std::to_string(48 + 4 * k) + "];\n";
  loop.setup += "mov.b32 c0, b32;\nmov.b32 c1, b33;\nmov.b32 n, 0;\nmov.b32 z, 0x4B400000;\n";
  for (int k = 0; k < 4; ++k) loop.setup += withIndex("mov.b32 s{k}, 0;\n", k, 4);
  for (int j = 0; j < tiles; ++j) loop.body += tile(j, isFree);
  for (int k = 0; k < 4; ++k)
    loop.body += "xor.b32 a" + std::to_string(k) + ", a" + std::to_string(k) + ", a" + std::to_string(8 + k) + ";\n";
  loop.results = {"s0", "s1", "s2", "s3"};
  return {timedLoop(loop), threads};
}

struct Operands {
  OperandMatrix a, other, b; // `other` differs from `a` in the first step only
};

Operands operands() {
  Operands all{OperandMatrix::random(Element::S8, rows, steps, 1), OperandMatrix::random(Element::S8, rows, steps, 3),
               OperandMatrix::random(Element::S8, columns, steps, 2)};
  for (int row = 0; row < rows; ++row)
    for (int byte = 32; byte < all.a.rowBytes; ++byte)
      all.other.bytes[std::size_t(row * all.a.rowBytes + byte)] = all.a.bytes[std::size_t(row * all.a.rowBytes + byte)];
  return all;
}

std::vector<std::uint32_t> words(const Operands &all, bool isFree) {
  std::vector<std::uint32_t> result;
  for (int lane = 0; lane < 32; ++lane) {
    for (int k = 0; k < 4 * steps; ++k) result.push_back(fragmentA(all.a, 0, 32 * (k / 4), lane, k % 4));
    for (int k = 0; k < 4; ++k) result.push_back(fragmentA(all.a, 0, 0, lane, k) ^ fragmentA(all.other, 0, 0, lane, k));
    for (int k = 0; k < 4 * tiles; ++k) result.push_back(fragmentB(all.b, k / 4 * 8, 32 * (k / 2 % 2), lane, k % 2));
    result.push_back(std::bit_cast<std::uint32_t>(scale));
    result.push_back(std::bit_cast<std::uint32_t>(isFree ? shift - magic * scale : shift));
    result.resize(std::size_t(wordsPerLane * (lane + 1)));
  }
  return result;
}

struct Expected {
  double sum = 0, magnitude = 0; // of the terms
};

// For each lane and accumulator, of one count with each of the matrices.
std::vector<Expected> expected(const Operands &all) {
  std::vector<Expected> result;
  for (int lane = 0; lane < 32; ++lane)
    for (int c = 0; c < 4; ++c) {
      Expected sum;
      for (const OperandMatrix *a : {&all.a, &all.other})
        for (int j = 0; j < tiles; ++j) {
          const double score = dot(*a, lane / 4 + 8 * (c / 2), all.b, 8 * j + 2 * (lane % 4) + c % 2).sum;
          sum.sum += score * scale + shift;
          sum.magnitude += std::fabs(score * scale + shift);
        }
      result.push_back(sum);
    }
  return result;
}

Result<std::vector<Reading>> measure(Bench &bench, bool isFree) {
  const Operands all = operands();
  const std::vector<std::uint32_t> input = words(all, isFree);
  const std::vector<Expected> exact = expected(all);
  SAGE_TRY(bench.makeInput(4 * input.size()));
  SAGE_TRY(bench.upload(input));
  const int count = bench.pick(1, 1000, 2000);
  const unsigned grid = bench.fullGrid();
  Reading reading;
  reading.verified = true;
  for (int repetition = 0; repetition < bench.pick(1, 5, 9); ++repetition) {
    SAGE_ASSIGN(const TimedResults timed, bench.runTimed(grid, count, 4));
    for (std::size_t k = 0; k < timed.results.size(); ++k) {
      // Both passes together count each matrix as often.
      const Expected &one = exact[k % exact.size()];
      const double sum = std::bit_cast<float>(timed.results[k]);
      reading.verified &= std::fabs(sum - count * one.sum) <= 1e-4 * count * one.magnitude;
    }
    reading.raw.push_back(double(count) * rows * columns * (threads / 32) / bench::median(timed.clocks));
  }
  reading.value = bench::median(reading.raw);
  return std::vector{reading};
}

Probe probeOf(bool isFree) {
  return {"rate",
          {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"},
          {{isFree ? "rate.scores-free" : "rate.scores", "scores per clock and SM",
            isFree ? "s8 products over 64 elements whose accumulators are floats from the start, scaled"
                   : "s8 products over 64 elements, converted to f32 and scaled"}},
          [isFree](std::string_view) { return kernelOf(isFree); },
          [isFree](Bench &bench) { return measure(bench, isFree); }};
}

} // namespace

std::vector<Probe> scoreProbes() { return {probeOf(false), probeOf(true)}; }

} // namespace sage::machine
