// A kernel as the body of its inline PTX, and the module in MLIR's LLVM dialect that the compiler makes PTX of
// (docs/artifact.md, "Inline kernels"). Every kernel has one signature:
//
//   probe(out: address, in: address, count: i32, extra: i32 [, map: tensor map])
//
// and its body names these registers: `out`, `in` (.b64), `count`, `extra` (.b32), `smem`, the address of dynamic
// shared memory (.b32), and `map`, the generic address of the tensor map (.b64).
#pragma once

#include "sage/runtime/Compiler.h"
#include "sage/runtime/Result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage::machine {

inline constexpr const char *entryName = "probe";

struct KernelText {
  std::string body;
  unsigned threads = 128;
  std::size_t sharedBytes = 0;
  std::string ptxVersion = {}; // empty: the oldest that knows the arch
  bool takesMap = false;
};

std::string moduleText(const KernelText &kernel);
Result<std::string> emitPtx(const CompilerLibrary &compiler, const KernelText &kernel, std::string_view arch);

// Pieces of PTX.

// "{x0, x1, x2}" for registers FIRST to FIRST + COUNT - 1.
std::string registerList(std::string_view prefix, int count, int first = 0);
// "NAME" with each "{k}" of TEXT replaced by NUMBER, "{k+1}" by NUMBER + 1 modulo AROUND, and so on up to 9.
std::string withIndex(std::string_view text, int number, int around);

// Inside of a timed loop's setup: the block copies the first BYTES of `in` into its shared memory, 16 at a time. Takes
// registers at (.b32) and v<4>; what orders the copy comes behind it.
std::string copyToShared(std::size_t bytes);

// A loop whose passes are timed by the clock of the SM, with what is stored at the end:
//
//   SETUP; twice { barrier; start = clock; count times BODY; AFTER; stop = clock }; ENDING; store
//
// The first pass warms up. `out` begins with {start, stop} (u64) of each warp of each block; then come the registers
// RESULTS (.b32) of each thread.
struct TimedLoop {
  std::string setup, body, after, ending;
  std::vector<std::string> results;
};
std::string timedLoop(const TimedLoop &loop);

} // namespace sage::machine
