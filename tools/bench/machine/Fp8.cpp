// How exact the sums of e4m3 products are: for each d, whether 2^16 + 2^(16 − d) comes out as it is or as 2^16. Row m
// and column n of one product make d = m + 2n, 0 to 29:
//
//   A[m][0] = 2^8, A[m][1] = 2^(8 − m), B[n][0] = 2^8, B[n][1] = 2^(8 − 2n), all else 0
//
// once with both terms as products of one instruction, once with 2^16 as the accumulator that comes in (A[m][0] = 0).
#include "Probe.h"

#include "Elements.h"

#include <bit>
#include <cmath>

namespace sage::machine {
namespace {

constexpr int rows = 16, columns = 8, distances = rows + 2 * columns - 2;
constexpr double large = 0x1p16;

enum class Instruction { Mma, Wgmma };

struct Operands {
  OperandMatrix both, small, b; // A with and without its first column, and B
};

Operands operands() {
  OperandMatrix a{Element::E4M3, rows, 32, std::vector<std::uint8_t>(rows * 32)}, b = a;
  for (int row = 0; row < rows; ++row) {
    a.bytes[std::size_t(row * 32 + 1)] = e4m3Bits(std::ldexp(1.f, 8 - row));
    if (row >= columns) continue;
    b.bytes[std::size_t(row * 32)] = e4m3Bits(0x1p8f);
    b.bytes[std::size_t(row * 32 + 1)] = e4m3Bits(std::ldexp(1.f, 8 - 2 * row));
  }
  OperandMatrix both = a;
  for (int row = 0; row < rows; ++row) both.bytes[std::size_t(row * 32)] = e4m3Bits(0x1p8f);
  return {both, a, b};
}

// For each lane: A twice (8 words), B (2 words), and two words of B in the order of wgmma's shared memory without
// swizzle: two matrices of 8 rows × 16 bytes, one behind the other.
std::vector<std::uint32_t> words() {
  const Operands all = operands();
  std::vector<std::uint32_t> result;
  for (int lane = 0; lane < 32; ++lane) {
    for (const OperandMatrix *a : {&all.both, &all.small})
      for (int r = 0; r < 4; ++r) result.push_back(fragmentA(*a, 0, 0, lane, r));
    for (int r = 0; r < 2; ++r) result.push_back(fragmentB(all.b, 0, 0, lane, r));
    for (int w : {2 * lane, 2 * lane + 1}) result.push_back(all.b.word(w % 32 / 4, w / 32 * 16 + w % 4 * 4));
  }
  return result;
}

std::string product(Instruction instruction, const char *d, int firstA) {
  const std::string sums = registerList(d, 4), a = registerList("a", 4, firstA);
  if (instruction == Instruction::Mma)
    return "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 " + sums + ", " + a + ", {b0, b1}, " + sums + ";\n";
  return "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 " + sums + ", " + a + ", descriptor, yes, 1, 1;\n";
}

KernelText kernelOf(Instruction instruction, std::string_view arch) {
  const bool isWgmma = instruction == Instruction::Wgmma;
  std::string body = R"(
.reg .b32 tid, lane, slot, a<8>, b<4>, d<4>, e<4>;
.reg .b64 wide, address, descriptor;
.reg .pred yes;
mov.u32 tid, %tid.x;
and.b32 lane, tid, 31;
setp.eq.u32 yes, tid, tid;
mul.wide.u32 wide, lane, 48;
add.u64 address, in, wide;
ld.global.v4.b32 {a0, a1, a2, a3}, [address];
ld.global.v4.b32 {a4, a5, a6, a7}, [address + 16];
ld.global.v4.b32 {b0, b1, b2, b3}, [address + 32];
)";
  for (int k = 0; k < 4; ++k)
    body += "mov.b32 d" + std::to_string(k) + ", 0;\nmov.b32 e" + std::to_string(k) + ", 0f47800000;\n";
  if (isWgmma) // every warp writes the same 256 bytes; two matrices along k are 128 bytes apart
    body += R"(
shl.b32 slot, lane, 3;
add.u32 slot, smem, slot;
st.shared.v2.b32 [slot], {b2, b3};
fence.proxy.async.shared::cta;
bar.sync 0;
cvt.u64.u32 descriptor, smem;
shr.u64 descriptor, descriptor, 4;
or.b64 descriptor, descriptor, 0x0000001000080000;
wgmma.fence.sync.aligned;
)";
  body += product(instruction, "d", 0) + product(instruction, "e", 4);
  if (isWgmma) body += "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
  body += R"(
mul.wide.u32 wide, tid, 32;
add.u64 address, out, wide;
st.global.v4.b32 [address], {d0, d1, d2, d3};
st.global.v4.b32 [address + 16], {e0, e1, e2, e3};
)";
  if (isWgmma) return {body, 128, 1024};
  return {body, 32, 0, arch == "sm_120a" ? "" : "8.4"};
}

// For each distance whether the small term was there in all places of that distance. WHICH: 0 products, 1 accumulator.
Reading survival(const std::vector<std::uint32_t> &output, int which) {
  Reading reading;
  reading.raw.assign(distances, 1);
  bool explained = true;
  for (int lane = 0; lane < 32; ++lane)
    for (int c = 0; c < 4; ++c) {
      const int distance = lane / 4 + 8 * (c / 2) + 2 * (2 * (lane % 4) + c % 2);
      const double sum = std::bit_cast<float>(output[std::size_t(8 * lane + 4 * which + c)]);
      const bool survived = sum == large + std::ldexp(large, -distance);
      explained &= survived || sum == large;
      if (!survived) reading.raw[std::size_t(distance)] = 0;
    }
  int bits = -1;
  while (bits + 1 < distances && reading.raw[std::size_t(bits + 1)] == 1) ++bits;
  reading.value = bits;
  // What e4m3 itself can tell apart must be there, and nothing comes back beyond the first that is lost.
  reading.verified = explained && bits >= 3;
  for (int d = bits + 1; d < distances; ++d) reading.verified &= reading.raw[std::size_t(d)] == 0;
  return reading;
}

Result<std::vector<Reading>> measure(Bench &bench) {
  const std::vector<std::uint32_t> input = words();
  const unsigned threads = bench.text().threads;
  SAGE_TRY(bench.makeInput(4 * input.size()));
  SAGE_TRY(bench.upload(input));
  SAGE_TRY(bench.makeOutput(32 * threads));
  SAGE_TRY(bench.launch(1, 0));
  SAGE_TRY(bench.synchronize());
  SAGE_ASSIGN(const std::vector<std::uint32_t> output, bench.output(8 * threads));
  return std::vector{survival(output, 0), survival(output, 1)};
}

Probe probeOf(Instruction instruction, const std::string &name, std::vector<std::string_view> archs) {
  const std::string lost = "bits below the largest term that a sum of e4m3 products keeps, ";
  return {"mma",
          std::move(archs),
          {{name + ".products", "bits", lost + "small product beside a large one; raw: whether each distance is kept"},
           {name + ".accumulator", "bits", lost + "small product on a large accumulator; raw: the same"}},
          [instruction](std::string_view arch) { return kernelOf(instruction, arch); },
          measure};
}

} // namespace

std::vector<Probe> fp8Probes() {
  return {probeOf(Instruction::Mma, "fp8-bits.mma", {"sm_89", "sm_90a", "sm_120a"}),
          probeOf(Instruction::Wgmma, "fp8-bits.wgmma", {"sm_90a"})};
}

} // namespace sage::machine
