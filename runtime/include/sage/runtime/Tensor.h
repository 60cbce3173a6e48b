// Element types and views of tensors in device memory: what kernels take and what plans hand out. Plain data, no
// ownership.
#pragma once

#include "sage/runtime/Export.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sage {

/// An address in device memory. On the simulator too it is not to be read by the host.
using DevicePointer = std::uint64_t;

enum class DType { F16, BF16, F32, I8, I32, E4M3, E5M2 };

SAGE_API std::size_t byteSize(DType type);
/// "f16", "bf16", "f32", "i8", "i32", "e4m3", "e5m2": the names of the tile language, configs and metadata.
SAGE_API std::string_view name(DType type);
SAGE_API std::optional<DType> parseDType(std::string_view text);

/// A typed tensor in device memory. Strides are in elements; the last axis is contiguous (stride 1).
struct TensorView {
  static constexpr int maxRank = 6;

  DevicePointer pointer = 0;
  DType dtype = DType::F16;
  int rank = 0;
  std::array<std::int64_t, maxRank> shape{};
  std::array<std::int64_t, maxRank> strides{};

  /// Row-major.
  SAGE_API static TensorView contiguous(DevicePointer pointer, DType dtype, std::initializer_list<std::int64_t> shape);
  /// The number of elements.
  SAGE_API std::int64_t count() const;
  /// Bytes from the first element to one past the last, gaps of the strides included; 0 when empty.
  SAGE_API std::int64_t spanBytes() const;
  /// "f16[1, 4, 1024, 64]"
  SAGE_API std::string describe() const;
};

/// The order of the axes of Q, K, V and O in memory. A TensorView of either has the logical shape [batch, heads,
/// tokens, head dim].
enum class TensorLayout {
  Hnd, ///< [batch, heads, tokens, head dim]
  Nhd, ///< [batch, tokens, heads, head dim]
};

SAGE_API std::string_view name(TensorLayout layout);
/// "HND" or "NHD", upper or lower case.
SAGE_API std::optional<TensorLayout> parseTensorLayout(std::string_view text);

/// The view with logical shape [batch, heads, tokens, headDim] of contiguous memory in `layout`.
SAGE_API TensorView attentionTensor(DevicePointer pointer, DType dtype, TensorLayout layout, std::int64_t batch,
                                    std::int64_t heads, std::int64_t tokens, std::int64_t headDim);

} // namespace sage
