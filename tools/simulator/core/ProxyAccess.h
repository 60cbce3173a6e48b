// Checks of what the asynchronous proxy does to shared memory, 16 bytes at a time: is it written, in nobody's hands,
// ordered behind what other warps did there, and is there a proxy fence between (PTX ISA §8.5)? Not compiled per
// vector level.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

/// An asynchronous operation of LANE of W at INST reads, or is about to write, the 16 bytes at ADDRESS, which lies
/// within shared memory. False after a fault.
bool asyncRead(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address);
bool asyncWrite(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address);
/// The same for SIZE bytes of TARGET's memory, which is not the own block's. SHARES: a reduction, which may meet
/// others.
bool asyncWriteRemote(Warp &w, const Inst *inst, unsigned lane, Block &target, std::uint32_t address,
                      std::uint32_t size, bool shares);

/// Reports a write of SIZE bytes at ADDRESS of BLOCK's shared memory when an operation in flight still reads them; true
/// when none does.
bool isReadNowhere(Warp &w, const Inst *inst, unsigned lane, const Block &block, std::uint64_t address,
                   std::uint32_t size);

/// True when surely nobody reads the SIZE bytes at ADDRESS of shared memory. Inlined everywhere: files of several
/// vector levels include it.
[[gnu::always_inline]] static inline bool isUnread(const Block &block, std::uint64_t address, std::uint32_t size) {
  for (std::uint64_t c = address / 16; c <= (address + size - 1) / 16; ++c)
    if (block.asyncReaders[c] != 0) return false;
  return true;
}

} // namespace sage::sim
