// See Product.h.
#include "attention/Product.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "sage/runtime/Sources.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sage::bench {
namespace {

// Host matrices in panels, as the kernel takes them.
struct Operand {
  std::vector<float> values; // as rounded to the type
  Buffer buffer;
  std::int64_t rows, panel;

  double at(std::int64_t row, std::int64_t column) const {
    return values[std::size_t((column / panel * rows + row) * panel + column % panel)];
  }
};

Result<Operand> operand(const DeviceRef &device, DType dtype, std::uint64_t stream, std::int64_t rows,
                        std::int64_t columns, std::int64_t panel) {
  Operand made{reference::normals(21, stream, rows * columns), {}, rows, panel};
  std::vector<std::int8_t> bytes;
  std::vector<std::uint16_t> halves;
  for (float &value : made.values) {
    if (dtype == DType::I8) {
      value = std::clamp(std::nearbyint(value * 40.0f), -127.0f, 127.0f);
      bytes.push_back(std::int8_t(value));
    } else {
      halves.push_back(reference::halfBits(value));
      value = reference::halfValue(halves.back());
    }
  }
  const std::size_t size = bytes.size() + 2 * halves.size();
  SAGE_ASSIGN(made.buffer, device->allocate(size));
  SAGE_TRY(made.buffer.upload(dtype == DType::I8 ? static_cast<const void *>(bytes.data()) : halves.data(), size));
  return made;
}

CompileRequest request(const Device &device, DType dtype, std::int64_t panel, const SourceText &source) {
  CompileRequest r;
  r.programName = source.file;
  r.programText = source.text;
  r.arch = device.arch();
  r.parameters = {{"D", std::to_string(panel)},
                  {"T", dtype == DType::I8 ? "\"i8\"" : "\"f16\""},
                  {"C", dtype == DType::I8 ? "\"i32\"" : "\"f32\""}};
  // Panels are 128 bytes wide. 64 accumulators a thread: with 128 ptxas spills.
  r.schedule = {
      {"block_q", "128"}, {"block_k", "64"}, {"block_n", std::to_string(panel)}, {"warps", "4"}, {"stages", "3"}};
  return r;
}

// A row is exact in i32; in f32 it is a sum of K products in any order.
bool rowIsRight(const Operand &a, const Operand &b, DType dtype, std::int64_t k, std::int64_t row,
                const std::vector<std::uint32_t> &bits) {
  for (std::int64_t n = 0; n < std::int64_t(bits.size()); ++n) {
    double sum = 0, magnitude = 0;
    for (std::int64_t c = 0; c < k; ++c) {
      const double product = a.at(row, c) * b.at(n, c);
      sum += product;
      magnitude += std::abs(product);
    }
    const double got = dtype == DType::I8 ? double(std::int32_t(bits[std::size_t(n)]))
                                          : double(std::bit_cast<float>(bits[std::size_t(n)]));
    const double allowed = dtype == DType::I8 ? 0 : magnitude * 0x1p-20;
    if (!(std::abs(got - sum) <= allowed)) return false;
  }
  return true;
}

} // namespace

Status measureProduct(Bench &bench, DType dtype, const ProductSize &size, Json &json) {
  const std::int64_t panel = dtype == DType::I8 ? 128 : 64;
  SAGE_ASSIGN(const SourceText source, kernelSource("product.tile"));
  SAGE_ASSIGN(const KernelRef kernel, bench.cache->kernel(bench.device, request(*bench.device, dtype, panel, source)));
  SAGE_TRY(addFacts(*kernel, json));
  SAGE_ASSIGN(const Operand a, operand(bench.device, dtype, 0, size.m, size.k, panel));
  SAGE_ASSIGN(const Operand b, operand(bench.device, dtype, 1, size.n, size.k, panel));
  SAGE_ASSIGN(Buffer y, bench.device->allocate(std::size_t(size.m * size.n) * 4));
  SAGE_TRY(y.fill(0xff));

  const NamedView views[] = {
      {"A", TensorView::contiguous(a.buffer.pointer(), dtype, {size.k / panel, size.m, panel})},
      {"B", TensorView::contiguous(b.buffer.pointer(), dtype, {size.k / panel, size.n, panel})},
      {"Y", TensorView::contiguous(y.pointer(), dtype == DType::I8 ? DType::I32 : DType::F32, {size.m, size.n})}};
  const NamedExtent extents[] = {{"K", size.k}};
  SAGE_ASSIGN(const Times times, bench.stopwatch.time(bench.stream, [&](Stream &stream) {
    return kernel->launch(stream, {.views = views, .scalars = {}, .extents = extents});
  }));

  bool right = true;
  std::vector<std::uint32_t> bits(std::size_t(size.n));
  for (std::int64_t row : {std::int64_t(0), size.m / 2 + 3, size.m - 1}) {
    SAGE_TRY(y.download(bits.data(), bits.size() * 4, std::size_t(row * size.n) * 4));
    right = right && rowIsRight(a, b, dtype, size.k, row, bits);
  }
  json["time"] = times.json(2.0 * double(size.m) * double(size.n) * double(size.k));
  json["verified"] = right;
  json["status"] = right ? "ok" : "failed";
  if (!right) json["reason"] = "the product differs from the host's";
  return {};
}

} // namespace sage::bench
