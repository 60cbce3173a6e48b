// See Flush.h.
#include "record/Flush.h"

#include "sage/runtime/Sources.h"

#include <numeric>
#include <vector>

namespace sage::bench {
namespace {

// A thread of 256 loads 16 bytes eight times before it adds, which is what memory wants: with 46 registers, 160 KiB are
// on their way to each SM.
constexpr std::int64_t columns = 128, rowsOfBlock = 64;
constexpr std::size_t blockWords = std::size_t(columns * rowsOfBlock);
static_assert(blockWords * 4 == Flush::blockBytes);

CompileRequest request(const Device &device, const SourceText &source) {
  CompileRequest r;
  r.programName = source.file;
  r.programText = source.text;
  r.arch = device.arch();
  r.parameters = {{"D", std::to_string(columns)}};
  r.schedule = {{"block_n", std::to_string(rowsOfBlock)}, {"warps", "8"}};
  return r;
}

} // namespace

Result<Flush> Flush::create(const DeviceRef &device, KernelCache &cache, std::size_t bytes) {
  Flush flush;
  SAGE_ASSIGN(const SourceText source, kernelSource("sum.tile"));
  SAGE_ASSIGN(flush.kernel, cache.kernel(device, request(*device, source)));
  SAGE_ASSIGN(flush.data, device->allocate(bytes));
  SAGE_ASSIGN(flush.sums, device->allocate(bytes / blockBytes * 4));
  SAGE_ASSIGN(Stream stream, device->createStream());
  SAGE_TRY(flush.check(stream));
  return flush;
}

Status Flush::queue(Stream &stream, int reads) {
  SAGE_TRY(data.fill(0, stream));
  for (int k = 0; k < reads; ++k) SAGE_TRY(read(stream));
  return {};
}

Status Flush::read(Stream &stream) {
  const auto blocks = std::int64_t(data.size() / blockBytes);
  const NamedView views[] = {{"X", TensorView::contiguous(data.pointer(), DType::I32, {blocks * rowsOfBlock, columns})},
                             {"Y", TensorView::contiguous(sums.pointer(), DType::I32, {blocks})}};
  return kernel->launch(stream, {.views = views, .scalars = {}, .extents = {}});
}

// Words that all differ in the first block, so that each must count once; the same bytes in the others.
Status Flush::check(Stream &stream) {
  constexpr std::uint8_t byte = 3;
  std::vector<std::uint32_t> words(blockWords);
  for (std::size_t k = 0; k < blockWords; ++k) words[k] = std::uint32_t(k + 1) * 2654435761u;
  SAGE_TRY(data.fill(byte));
  SAGE_TRY(data.upload(words.data(), blockBytes));
  SAGE_TRY(read(stream));
  SAGE_TRY(stream.synchronize());
  std::vector<std::uint32_t> found(sums.size() / 4),
      wanted(found.size(), std::uint32_t(blockWords) * byte * 0x01010101u);
  wanted[0] = std::accumulate(words.begin(), words.end(), 0u);
  SAGE_TRY(sums.download(found.data(), sums.size()));
  if (found == wanted) return {};
  return {Code::CheckFailed, "the kernel that reads the flushed buffer (sum.tile) does not sum what was written"};
}

} // namespace sage::bench
