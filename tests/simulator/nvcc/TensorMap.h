// Tensor maps as kernels take them by value, made by the driver.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "Harness.h"

namespace sage::simtest {

struct alignas(64) TensorMap {
  std::array<unsigned char, 128> content{};

  /// HEIGHT rows of WIDTH bytes, boxes of BOXWIDTH × BOXHEIGHT, swizzled over 128 bytes.
  static TensorMap bytes(std::uint64_t address, std::uint64_t width, std::uint64_t height, unsigned boxWidth,
                         unsigned boxHeight);
  /// The same of halves; SWIZZLE 0 none, 3 over 128 bytes.
  static TensorMap halves(std::uint64_t address, std::uint64_t width, std::uint64_t height, unsigned boxWidth,
                          unsigned boxHeight, int swizzle);
  /// 32-bit integers, the innermost dimension first, not swizzled.
  static TensorMap words(std::uint64_t address, const std::vector<std::uint64_t> &size,
                         const std::vector<unsigned> &box);
};

} // namespace sage::simtest
