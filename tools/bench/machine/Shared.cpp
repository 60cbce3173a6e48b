// Shared memory by ldmatrix: 16 warps an SM, 512 bytes an instruction, rows without bank conflicts. Every matrix goes
// into an exclusive or, so that none can be left out; the address moves on from count to count.
//
// SASS: 16 LDSM.16.M88.4 a count and 32 LOP3, which the loads leave time for.
#include "Probe.h"

#include "record/Statistics.h"

namespace sage::machine {
namespace {

constexpr unsigned threads = 512;
constexpr int loads = 16, windowBytes = 16384, spanBytes = 1024 * loads, moveBytes = 512;
constexpr std::size_t sharedBytes = windowBytes + spanBytes;

KernelText kernelOf() {
  TimedLoop loop;
  loop.setup = R"(
.reg .b32 x<4>, v<4>, at, lane, offset, row;
)" + copyToShared(sharedBytes) +
               R"(bar.sync 0;
and.b32 lane, tid, 31;
shl.b32 lane, lane, 4;
mov.b32 offset, 0;
mov.b32 x0, 0; mov.b32 x1, 0; mov.b32 x2, 0; mov.b32 x3, 0;
)";
  loop.body = "add.u32 row, smem, lane;\nadd.u32 row, row, offset;\n";
  for (int k = 0; k < loads; ++k) {
    loop.body +=
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {v0, v1, v2, v3}, [row + " + std::to_string(1024 * k) + "];\n";
    for (int r = 0; r < 4; ++r) loop.body += withIndex("xor.b32 x{k}, x{k}, v{k};\n", r, 4);
  }
  loop.body += "add.u32 offset, offset, " + std::to_string(moveBytes) + ";\nand.b32 offset, offset, " +
               std::to_string(windowBytes - 1) + ";\n";
  loop.results = {"x0", "x1", "x2", "x3"};
  return {timedLoop(loop), threads, sharedBytes};
}

// The matrices of one instruction lie one behind the other, so register r of a lane is word 32·r + lane of them.
std::vector<std::uint32_t> expected(const std::vector<std::uint32_t> &memory, int counts) {
  std::vector<std::uint32_t> result(32 * 4);
  std::size_t offset = 0;
  for (int count = 0; count < counts; ++count, offset = (offset + moveBytes) % windowBytes)
    for (std::size_t k = 0; k < loads; ++k)
      for (std::size_t lane = 0; lane < 32; ++lane)
        for (std::size_t r = 0; r < 4; ++r) result[4 * lane + r] ^= memory[(offset + 1024 * k) / 4 + 32 * r + lane];
  return result;
}

Result<std::vector<Reading>> measure(Bench &bench) {
  std::vector<std::uint32_t> memory(sharedBytes / 4);
  for (std::size_t k = 0; k < memory.size(); ++k) memory[k] = std::uint32_t(k) * 2654435761u + 12345;
  SAGE_TRY(bench.makeInput(sharedBytes));
  SAGE_TRY(bench.upload(memory));
  const int count = bench.pick(3, 1000, 3000);
  const unsigned grid = bench.fullGrid();
  const std::vector<std::uint32_t> wanted = expected(memory, 2 * count);
  Reading reading;
  reading.verified = true;
  for (int repetition = 0; repetition < bench.pick(1, 5, 9); ++repetition) {
    SAGE_ASSIGN(const TimedResults timed, bench.runTimed(grid, count, 4));
    for (std::size_t k = 0; k < timed.results.size(); ++k)
      reading.verified &= timed.results[k] == wanted[k % wanted.size()];
    reading.raw.push_back(double(count) * loads * 512 * (threads / 32) / bench::median(timed.clocks));
  }
  reading.value = bench::median(reading.raw);
  return std::vector{reading};
}

} // namespace

std::vector<Probe> sharedProbes() {
  return {{"memory",
           {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_120a"},
           {{"memory.shared-ldmatrix", "bytes per clock and SM", "shared memory read by ldmatrix.x4, no conflicts"}},
           [](std::string_view) { return kernelOf(); },
           measure}};
}

} // namespace sage::machine
