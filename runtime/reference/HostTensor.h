// A tensor in host memory: element type, shape, raw bytes, row-major and dense. What files hold, what a launch uploads
// and downloads. Part of sage_reference, the host-side mathematics that tools and tests share; it knows no device and
// reads no environment.
#pragma once

#include "sage/runtime/Result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sage::reference {

// The element types of the safetensors format.
enum class Dtype { Bool, U8, I8, E5M2, E4M3, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64 };

std::string_view dtypeName(Dtype dtype);                   // the format's spelling: "F16", "F8_E4M3" …
std::optional<Dtype> dtypeFromName(std::string_view name); // nothing for a name the format does not have
std::string dtypeNames();                                  // all of them, for messages
size_t dtypeBytes(Dtype dtype);

using Shape = std::vector<int64_t>;

// "[1, 12, 512, 32]"
std::string shapeText(const Shape &shape);

// Product of the extents; an error when one is negative or the product does not fit 62 bits.
Result<int64_t> elementCount(const Shape &shape);

struct HostTensor {
  Dtype dtype = Dtype::F32;
  Shape shape;
  std::vector<std::byte> bytes;

  // Zeroed. Refuses sizes that this machine's memory cannot hold, before anything is allocated.
  static Result<HostTensor> allocate(Dtype dtype, Shape shape);

  int64_t elements() const { return int64_t(bytes.size() / dtypeBytes(dtype)); }

  // The elements as T, whose size must be the dtype's.
  template <typename T> std::span<T> as() { return {reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T)}; }
  template <typename T> std::span<const T> as() const {
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

} // namespace sage::reference
