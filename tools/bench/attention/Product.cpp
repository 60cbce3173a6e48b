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

// Normal numbers are slow to make, so a matrix repeats this many; the period is a prime, and no two rows are alike.
constexpr std::int64_t period = 1000003;

// A matrix in panels, as the kernel takes it.
struct Operand {
  std::vector<float> values; // `period` as rounded to the type, and then the first ones again for a panel's width
  Buffer buffer;
  std::int64_t rows, panel;

  // The values of a row that are in panel P.
  const float *part(std::int64_t row, std::int64_t p) const {
    return values.data() + (p * rows + row) * panel % period;
  }
};

// BITS again and again, COUNT elements.
template <class T>
Result<Buffer> uploadRepeated(const DeviceRef &device, const std::vector<T> &bits, std::int64_t count) {
  std::vector<T> all(static_cast<std::size_t>(count));
  for (std::size_t at = 0; at < all.size(); at += bits.size())
    std::copy_n(bits.begin(), std::min(bits.size(), all.size() - at), all.begin() + std::ptrdiff_t(at));
  SAGE_ASSIGN(Buffer buffer, device->allocate(all.size() * sizeof(T)));
  SAGE_TRY(buffer.upload(all.data(), all.size() * sizeof(T)));
  return buffer;
}

Result<Operand> operand(const DeviceRef &device, DType dtype, std::uint64_t stream, std::int64_t rows,
                        std::int64_t columns, std::int64_t panel) {
  Operand made{reference::normals(21, stream, period), {}, rows, panel};
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
  const std::vector<float> first(made.values.begin(), made.values.begin() + panel);
  made.values.insert(made.values.end(), first.begin(), first.end());
  SAGE_ASSIGN(made.buffer, dtype == DType::I8 ? uploadRepeated(device, bytes, rows * columns)
                                              : uploadRepeated(device, halves, rows * columns));
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
    for (std::int64_t p = 0; p < k / a.panel; ++p) {
      const float *x = a.part(row, p), *y = b.part(n, p);
      for (std::int64_t c = 0; c < a.panel; ++c) {
        const double product = double(x[c]) * double(y[c]);
        sum += product;
        magnitude += std::abs(product);
      }
    }
    const double got = dtype == DType::I8 ? double(std::int32_t(bits[std::size_t(n)]))
                                          : double(std::bit_cast<float>(bits[std::size_t(n)]));
    const double allowed = dtype == DType::I8 ? 0 : magnitude * 0x1p-20;
    if (!(std::abs(got - sum) <= allowed)) return false;
  }
  return true;
}

} // namespace

Status measureProduct(Rig &rig, DType dtype, const ProductSize &size, Json &json) {
  const std::int64_t panel = dtype == DType::I8 ? 128 : 64;
  SAGE_ASSIGN(const SourceText source, kernelSource("product.tile"));
  SAGE_ASSIGN(const KernelRef kernel, rig.cache->kernel(rig.device, request(*rig.device, dtype, panel, source)));
  SAGE_TRY(addFacts(*kernel, json));
  SAGE_ASSIGN(const Operand a, operand(rig.device, dtype, 0, size.m, size.k, panel));
  SAGE_ASSIGN(const Operand b, operand(rig.device, dtype, 1, size.n, size.k, panel));
  SAGE_ASSIGN(Buffer y, rig.device->allocate(std::size_t(size.m * size.n) * 4));
  SAGE_TRY(y.fill(0xff));

  const NamedView views[] = {
      {"A", TensorView::contiguous(a.buffer.pointer(), dtype, {size.k / panel, size.m, panel})},
      {"B", TensorView::contiguous(b.buffer.pointer(), dtype, {size.k / panel, size.n, panel})},
      {"Y", TensorView::contiguous(y.pointer(), dtype == DType::I8 ? DType::I32 : DType::F32, {size.m, size.n})}};
  const NamedExtent extents[] = {{"K", size.k}};
  SAGE_ASSIGN(const Times times, rig.stopwatch.time(rig.stream, [&](Stream &stream) {
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
