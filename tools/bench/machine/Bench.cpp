// See Bench.h.
#include "Bench.h"

#include <algorithm>
#include <cstring>

namespace sage::machine {

Result<Bench> Bench::create(const DeviceRef &device, const CompilerLibrary &compiler, const KernelText &kernel,
                            Extent extent) {
  Bench bench;
  bench.deviceRef = device;
  bench.kernel = kernel;
  bench.extent = extent;
  SAGE_ASSIGN(bench.ptxText, emitPtx(compiler, kernel, device->arch()));
  SAGE_ASSIGN(bench.stream, device->createStream());
  SAGE_ASSIGN(bench.begin, device->createEvent());
  SAGE_ASSIGN(bench.end, device->createEvent());
  SAGE_TRY(bench.reload(bench.ptxText));
  return bench;
}

Status Bench::reload(const std::string &image) {
  SAGE_ASSIGN(Module loaded, deviceRef->loadModule(image, &notesText));
  SAGE_ASSIGN(function, loaded.function(entryName, kernel.sharedBytes));
  module = std::move(loaded);
  return {};
}

unsigned Bench::fullGrid(unsigned perSm) const {
  return extent == Extent::Tiny ? 2 : perSm * unsigned(deviceRef->limits().multiprocessors);
}

Status Bench::upload(std::span<const std::uint32_t> words, std::size_t offsetBytes) {
  return in.upload(words.data(), words.size_bytes(), offsetBytes);
}

Status Bench::makeInput(std::size_t bytes) {
  SAGE_ASSIGN(in, deviceRef->allocate(bytes));
  return {};
}

Status Bench::mapInput(int columns, int rows) {
  const int box[] = {rows, columns};
  const auto matrix =
      TensorView::contiguous(in.pointer(), DType::F16, {std::int64_t(in.size()) / (2 * columns), columns});
  SAGE_ASSIGN(map, encodeTensorMap(*deviceRef, matrix, box, Swizzle::Bytes128));
  return {};
}

Status Bench::makeOutput(std::size_t bytes) {
  SAGE_ASSIGN(out, deviceRef->allocate(bytes));
  SAGE_TRY(out.fill(0));
  return deviceRef->synchronize();
}

Result<std::vector<std::uint32_t>> Bench::output(std::size_t words, std::size_t offsetBytes) const {
  std::vector<std::uint32_t> result(words);
  SAGE_TRY(out.download(result.data(), 4 * words, offsetBytes));
  return result;
}

Status Bench::launch(unsigned grid, int count, int extra) {
  DevicePointer outAddress = out.pointer(), inAddress = in.pointer();
  void *arguments[] = {&outAddress, &inAddress, &count, &extra, &map}; // as many as the kernel takes
  return deviceRef->launch(stream, function, {grid, 1, 1}, {kernel.threads, 1, 1}, kernel.sharedBytes, arguments);
}

Result<double> Bench::milliseconds(unsigned grid, int count, int extra, int launches) {
  SAGE_TRY(begin.record(stream));
  for (int k = 0; k < launches; ++k) SAGE_TRY(launch(grid, count, extra));
  SAGE_TRY(end.record(stream));
  SAGE_TRY(end.synchronize());
  SAGE_ASSIGN(const float ms, end.millisecondsSince(begin));
  return double(ms);
}

Result<TimedResults> Bench::runTimed(unsigned grid, int count, std::size_t resultsPerThread) {
  SAGE_TRY(makeOutput(kernel.threads * grid / 2 + 4 * resultsPerThread * kernel.threads * grid));
  SAGE_TRY(launch(grid, count));
  SAGE_TRY(synchronize());
  return timedOutput(grid, resultsPerThread);
}

Result<TimedResults> Bench::timedOutput(unsigned grid, std::size_t resultsPerThread) const {
  const std::size_t warps = kernel.threads / 32, clockBytes = 16 * warps * grid;
  std::vector<std::uint64_t> clocks(2 * warps * grid);
  SAGE_TRY(out.download(clocks.data(), clockBytes));
  TimedResults timed;
  for (std::size_t block = 0; block < grid; ++block) {
    std::uint64_t first = UINT64_MAX, last = 0;
    for (std::size_t warp = block * warps; warp < (block + 1) * warps; ++warp) {
      first = std::min(first, clocks[2 * warp]);
      last = std::max(last, clocks[2 * warp + 1]);
    }
    timed.clocks.push_back(double(last - first));
  }
  SAGE_ASSIGN(timed.results, output(resultsPerThread * kernel.threads * grid, clockBytes));
  return timed;
}

} // namespace sage::machine
