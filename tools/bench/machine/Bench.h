// What a probe runs with: one kernel, loaded on a device, its buffers, and clocks.
#pragma once

#include "KernelText.h"

#include "record/Options.h"
#include "sage/runtime/TensorMap.h"

#include <cstdint>
#include <span>
#include <vector>

namespace sage::machine {

using bench::Extent;

// What the warps of a timed loop said (KernelText.h).
struct TimedResults {
  std::vector<double> clocks;         // of each block: its last stop less its first start
  std::vector<std::uint32_t> results; // of each thread of each block
};

class Bench {
public:
  static Result<Bench> create(const DeviceRef &device, const CompilerLibrary &compiler, const KernelText &kernel,
                              Extent extent);

  // The value for the size of this run. In the simulator only `tiny` is quick enough to wait for.
  template <class T> T pick(T tiny, T quick, T full) const {
    return extent == Extent::Tiny ? tiny : extent == Extent::Quick ? quick : full;
  }
  // Blocks of a launch that fills the machine with PER_SM blocks each; two when tiny.
  unsigned fullGrid(unsigned perSm = 1) const;

  Status upload(std::span<const std::uint32_t> words, std::size_t offsetBytes = 0);
  Status makeInput(std::size_t bytes);
  // The input as a matrix of f16 of COLUMNS columns, for copies of boxes of ROWS rows in the 128-byte swizzle.
  Status mapInput(int columns, int rows);
  Status makeOutput(std::size_t bytes); // zeros
  Result<std::vector<std::uint32_t>> output(std::size_t words, std::size_t offsetBytes = 0) const;

  Status launch(unsigned grid, int count, int extra = 0);
  Status synchronize() { return stream.synchronize(); }
  // Milliseconds between two events around LAUNCHES launches.
  Result<double> milliseconds(unsigned grid, int count, int extra = 0, int launches = 1);

  // A timed loop: room for its output, a launch, its output.
  Result<TimedResults> runTimed(unsigned grid, int count, std::size_t resultsPerThread);
  // The output of the last launch of one, which had as many blocks and results.
  Result<TimedResults> timedOutput(unsigned grid, std::size_t resultsPerThread) const;

  Device &device() { return *deviceRef; }
  const std::string &ptx() const { return ptxText; }
  const std::string &notes() const { return notesText; } // of the driver's compiler
  const KernelText &text() const { return kernel; }
  Result<FunctionFacts> facts() const { return module.facts(function); }
  // Loads and runs another image of the same kernel from here on.
  Status reload(const std::string &image);

private:
  DeviceRef deviceRef;
  KernelText kernel;
  Extent extent = Extent::Tiny;
  std::string ptxText, notesText;
  Module module;
  Function function;
  Stream stream;
  Event begin, end;
  Buffer in, out;
  TensorMap map;
};

} // namespace sage::machine
