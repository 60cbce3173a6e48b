// See Segments.h.
#include "memory/Segments.h"

#include <sys/mman.h>

namespace sage::sim {

// Programs may call the driver from their static destructors, so it is never destroyed.
SegmentTable &SegmentTable::instance() {
  static SegmentTable *const table = new SegmentTable;
  return *table;
}

SegmentTable::SegmentTable() {
  void *p =
      mmap(nullptr, kept * sizeof(Segment), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p != MAP_FAILED && cellStates.exist()) entries = static_cast<Segment *>(p);
}

SegmentTable::~SegmentTable() {
  if (entries) munmap(entries, kept * sizeof(Segment));
}

void SegmentTable::startLaunch() {
  if (next < lastId / 2) {
    first = next;
    return;
  }
  cellStates.forget();
  next = first = 1;
}

std::uint32_t SegmentTable::add(Segment segment) {
  if (!entries || next.load(std::memory_order_relaxed) >= lastId) return 0;
  segment.id = next.fetch_add(1, std::memory_order_relaxed);
  entries[segment.id % kept] = segment;
  return segment.id;
}

} // namespace sage::sim
