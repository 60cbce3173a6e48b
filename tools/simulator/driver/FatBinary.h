// Fat binaries: containers that hold the code of a program for several architectures, as text (PTX) or as machine code
// (cubins). Only the text can be simulated. It may be plain, or compressed with LZ4 or Zstandard.
//
//   container   mark 0xba55ed50 (u32), version (u16), bytes of this header (u16), bytes of all entries (u64), entries
//   entry       kind (u16: 1 PTX, 2 cubin), version (u16), bytes of this header (u32), bytes that follow it (u64),
//               bytes of the compressed code (u32), …, architecture at 28 (u32), flags at 40 (u64),
//               bytes of the code before compression at 56 (u64)
//
// Everything in it is checked against the container's end, and that against what is known of the memory's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "driver/DeviceTable.h"
#include "runtime/driver/CudaAbi.h"

namespace sage::sim {

/// Whether the bytes begin like a container, or like the small wrapper that a compiled program keeps its address in.
bool isFatBinary(std::uint32_t mark);

/// The PTX of a container or wrapper that suits the device best: what is made for exactly this architecture, else the
/// newest that it can run; without a device the newest. AVAILABLE bounds what may be read, 0 when nobody knows.
/// NoBinaryForGpu when there is only machine code or PTX for newer devices; InvalidImage when it is damaged.
cuda::Result fatBinaryText(const void *image, std::size_t available, const DeviceSpec *spec, std::string &text);

} // namespace sage::sim
