// See Segments.h.
#include "memory/Segments.h"

#include <sys/mman.h>

namespace sage::sim {

SegmentTable::SegmentTable() {
  void *p =
      mmap(nullptr, kept * sizeof(Segment), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p != MAP_FAILED) entries = static_cast<Segment *>(p);
}

SegmentTable::~SegmentTable() {
  if (entries) munmap(entries, kept * sizeof(Segment));
}

bool SegmentTable::startLaunch() {
  first = next;
  return first < maxId / 2;
}

std::uint32_t SegmentTable::add(Segment segment) {
  if (!entries || next.load(std::memory_order_relaxed) >= maxId) return 0;
  segment.id = next.fetch_add(1, std::memory_order_relaxed);
  if (segment.id >= maxId) return 0;
  entries[segment.id % kept] = segment;
  return segment.id;
}

} // namespace sage::sim
