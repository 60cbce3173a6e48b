// See CellStates.h.
#include "memory/CellStates.h"

#include <sys/mman.h>

namespace sage::sim {
namespace {

constexpr std::uint64_t systemPage = 4096;

void *mapLazily(std::uint64_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

std::uint64_t rounded(std::uint64_t bytes) { return (bytes + systemPage - 1) / systemPage * systemPage; }
std::uint64_t cellBytes(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }
std::uint64_t epochBytes(std::uint64_t bytes) {
  return rounded((cellBytes(bytes) / 4 + CellStates::pageWords - 1) / CellStates::pageWords * sizeof(std::uint32_t));
}

} // namespace

CellStates::CellStates() : entries(static_cast<Entry *>(mapLazily(kept * sizeof(Entry)))) {}
CellStates::~CellStates() {
  if (entries) munmap(entries, kept * sizeof(Entry));
}

std::uint64_t CellStates::add(const CellState &state) {
  std::uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
  if (number % numbers == 0) number = next.fetch_add(1, std::memory_order_relaxed); // a cell of 0 means untouched
  entries[number % kept] = {static_cast<std::uint32_t>(number), state};
  return number;
}

std::uint32_t *CellStates::map(std::uint64_t bytes) {
  void *p = mapLazily(epochBytes(bytes) + cellBytes(bytes));
  return p ? reinterpret_cast<std::uint32_t *>(static_cast<std::uint8_t *>(p) + epochBytes(bytes)) : nullptr;
}

void CellStates::unmap(std::uint32_t *cells, std::uint64_t bytes) {
  if (!cells) return;
  munmap(reinterpret_cast<std::uint8_t *>(cells) - epochBytes(bytes), epochBytes(bytes) + cellBytes(bytes));
}

} // namespace sage::sim
