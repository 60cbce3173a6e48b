// Tensor maps: what the copy engine of sm_90 and later (TMA) has to know of a tensor in global memory in order to copy
// boxes of it to and from shared memory (PTX ISA, "Tensors"; CUDA Driver API, "Tensor Map Object Management").
//
//   const int box[] = {1, 128, 64};                                          // of a tensor [heads, tokens, 64] in f16
//   SAGE_ASSIGN(TensorMap map, encodeTensorMap(*device, keys, box, Swizzle::Bytes128));
//   void *arguments[] = {…, &map};                                           // of Device::launch
#pragma once

#include "sage/runtime/Device.h"

#include <array>
#include <cstdint>
#include <span>

namespace sage {

/// How a box lies in shared memory, so that rows of one column lie in different banks: bits 4 to 6 of each address are
/// XORed with bits 7 to 9 (128 bytes), bits 4 and 5 with 7 and 8 (64), bit 4 with bit 7 (32). So with rows of 128 bytes
/// piece p (16 bytes) of row r lies at piece p XOR (r mod 8). Boxes begin at multiples of 1024 bytes.
enum class Swizzle { None, Bytes32, Bytes64, Bytes128 };

/// Opaque: the driver encodes it. A kernel takes it by value, `.param .align 64 .b8 NAME[128]`, and passes the copies
/// its generic address (`cvta.param`). Holds the tensor's address, not its memory. The driver wants it aligned to 64
/// bytes; its own type is aligned to 128 since CUDA 13.
struct alignas(128) TensorMap {
  std::array<std::uint64_t, 16> opaque{};
};

/// The map of `tensor` for boxes of BOX elements: one number for each axis, in the tensor's order. A copy names its box
/// by the coordinates of its first element, the last axis first; what lies outside of the tensor is read as zeros and
/// counts as bytes that arrive, and is not written. Boxes move through L2 in pieces of 128 bytes.
///
/// InvalidInput with the axis and the rule when the tensor cannot be mapped: 1 to 5 axes; the address and all strides
/// multiples of 16 bytes, strides less than 2^40 bytes, the last axis contiguous; extents 1 to 2^32; boxes 1 to 256 an
/// axis, and on the last one a multiple of 16 bytes, at most as many as the swizzle spans; a device of sm_90 or later.
/// Device when the driver is older than CUDA 12.0.
SAGE_API Result<TensorMap> encodeTensorMap(const Device &device, const TensorView &tensor, std::span<const int> box,
                                           Swizzle swizzle);

} // namespace sage
