// What the cells of the global race detector mean. There is a cell of four bytes for each four bytes of memory, so the
// shadow is as large as the memory. Who touched the four bytes would take more room than that; but neighbours are
// mostly touched by the same instruction of the same warp, and differ in the lane alone. So a cell holds two lanes and
// the number of a state, which says the rest:
//
//   bits 0–4   lane of the last writer
//   bits 5–9   lane of the reader
//   bits 10–31 number of a state; 0: untouched
//
// Numbers of states grow without end, and a cell has their low 22 bits. The upper ones, the epoch, stand beside the
// cells, one for each page of 256 of them. A page that gets a state of a new epoch is emptied first. The table keeps
// the newest 2^20 states. What is emptied or not kept is forgotten, which can hide a race and never invents one.
#pragma once

#include <atomic>
#include <cstdint>

namespace sage::sim {

/// The accesses to four bytes that a later one is compared with.
struct CellState {
  std::uint32_t writer = 0, reader = 0;       ///< segments (Segments.h); 0: none
  std::uint8_t written : 4 = 0, read : 4 = 0; ///< which of the bytes
  std::uint8_t several : 4 = 0;               ///< bytes that more than one lane of the reader's warp has read
  bool writerKnown : 1 = false;               ///< all of `written` are by the lane in the cell
  bool readerKnown : 1 = false;               ///< all of `read` but `several` are by the lane in the cell
  bool operator==(const CellState &) const = default;
};

class CellStates {
public:
  static constexpr unsigned laneBits = 10, numberBits = 22;
  static constexpr std::uint32_t numbers = 1u << numberBits;
  static constexpr std::uint64_t pageWords = 256;

  CellStates();
  ~CellStates();
  CellStates(const CellStates &) = delete;
  CellStates &operator=(const CellStates &) = delete;

  /// The number of a new state.
  std::uint64_t add(const CellState &state);
  /// Untouched when the state is forgotten.
  CellState find(std::uint64_t number) const {
    if (!entries || number == 0 || next.load(std::memory_order_relaxed) - number >= kept) return {};
    const Entry &e = entries[number % kept];
    return e.number == static_cast<std::uint32_t>(number) ? e.state : CellState{};
  }
  /// Between launches.
  void forget() { next += kept; }
  bool exist() const { return entries != nullptr; }

  // Cells of an allocation and the epochs of their pages, in one mapping: the epochs lie before the first cell.
  static std::uint32_t &epochOf(std::uint32_t *cells, std::uint64_t page) {
    return *(cells - 1 - static_cast<std::ptrdiff_t>(page));
  }
  /// Cells for BYTES of memory, all untouched; null when the host has no room.
  static std::uint32_t *map(std::uint64_t bytes);
  static void unmap(std::uint32_t *cells, std::uint64_t bytes);

private:
  static constexpr std::uint64_t kept = 1u << 20;
  struct Entry {
    std::uint32_t number;
    CellState state;
  };
  Entry *entries = nullptr; ///< mapped lazily by the system
  std::atomic<std::uint64_t> next{1};
};

} // namespace sage::sim
