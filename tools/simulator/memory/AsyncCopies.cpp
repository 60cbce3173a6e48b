// Bookkeeping of cp.async; see AsyncCopies.h for the model.
#include "memory/AsyncCopies.h"

#include <bit>
#include <cstring>
#include <utility>

#include "memory/DeviceMemory.h"
#include "memory/LaneWatch.h"
#include "memory/RaceDetector.h"

namespace sage::sim {

AsyncCopies::Record &AsyncCopies::issue() {
  if (used == records.size()) records.emplace_back();
  Record &record = records[used++];
  record.committed = 0;
  record.serial = ++serials;
  return record;
}

void AsyncCopies::commit(std::uint32_t mask) {
  for (std::size_t i = 0; i < used; ++i) {
    Record &r = records[i];
    const std::uint32_t fresh = r.mask & mask & ~r.committed;
    if (fresh == 0) continue;
    if (fresh == 0xffffffffu)
      r.group = groups;
    else
      for (std::uint32_t m = fresh; m != 0; m &= m - 1) r.group[std::countr_zero(m)] = groups[std::countr_zero(m)];
    r.committed |= fresh;
  }
  for (unsigned lane = 0; lane < 32; ++lane) groups[lane] += mask >> lane & 1;
}

void AsyncCopies::finish(Record &record, std::uint32_t lanes, std::uint32_t observer, std::uint8_t *shared,
                         std::uint8_t *shadow) {
  for (std::uint32_t m = lanes; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    const std::uint32_t at = record.destination[lane];
    if (record.bytes == 16) { // the usual size, as one move
      std::memcpy(shared + at, record.data[lane].data(), 16);
      std::memset(shadow + at, shadowSet, 16);
    } else {
      std::memcpy(shared + at, record.data[lane].data(), record.bytes);
      std::memset(shadow + at, shadowSet, record.bytes);
    }
    if (races) races->landed(observer, at, record.bytes);
    for (std::uint32_t k = 0; this->lanes && k < record.bytes / 4; ++k)
      this->lanes->writersAt(at)[k] = LaneWatch::cell(*laneStretch, static_cast<unsigned>(lane), 15);
  }
  record.mask &= ~lanes;
}

void AsyncCopies::wait(std::uint32_t mask, std::uint32_t pending, std::uint8_t *shared, std::uint8_t *shadow) {
  for (std::size_t i = 0; i < used; ++i) {
    Record &r = records[i];
    std::uint32_t old = 0;
    for (unsigned lane = 0; lane < 32; ++lane)
      old |= static_cast<std::uint32_t>(groups[lane] - r.group[lane] > pending) << lane;
    const std::uint32_t done = r.mask & r.committed & mask & old;
    if (done != 0) finish(r, done, warp, shared, shadow);
  }
  dropFinished();
}

void AsyncCopies::waitAll(std::uint32_t mask, std::uint8_t *shared, std::uint8_t *shadow) {
  for (std::size_t i = 0; i < used; ++i) finish(records[i], records[i].mask & mask, warp, shared, shadow);
  dropFinished();
}

void AsyncCopies::landUntil(std::uint64_t last, std::uint32_t mask, std::uint32_t observer, std::uint8_t *shared,
                            std::uint8_t *shadow) {
  for (std::size_t i = 0; i < used; ++i)
    if (records[i].serial <= last) finish(records[i], records[i].mask & mask, observer, shared, shadow);
  dropFinished();
}

void AsyncCopies::dropFinished() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < used; ++i) {
    if (records[i].mask == 0) continue;
    if (kept != i) std::swap(records[kept], records[i]);
    ++kept;
  }
  used = kept;
}

void AsyncCopies::clear() {
  used = 0;
  groups.fill(0);
}

} // namespace sage::sim
