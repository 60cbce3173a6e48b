// How work on a device is timed: warm-up, then single runs between two events, each behind a flush of the L2 cache that
// is queued before the first event, so that inputs come from memory and the launch is not waited for.
#pragma once

#include "record/Flush.h"
#include "record/Record.h"

#include <functional>
#include <vector>

namespace sage::bench {

struct Times {
  std::vector<double> us; // as measured, in order
  int late = 0;           // of them, those whose work was queued when the device had passed the first event
  // Whether at least half of the runs were late: the times may hold some of the host's.
  bool hostBound() const { return 2 * late >= int(us.size()); }
  double median() const;
  // {"times_us", "median_us", "q1_us", "q3_us", "host_bound"}, and "tops" when OPERATIONS are given.
  Json json(double operations = 0) const;
};

class Stopwatch {
public:
  // LEAST and MOST repetitions; between them as many as fit into BUDGET_MS. What is flushed is more than twice the
  // largest L2 cache of the supported GPUs (126 MB on sm_120).
  struct Plan {
    int warmups = 3, least = 5, most = 50;
    double budgetMs = 200;
    std::size_t flushBytes = std::size_t(256) << 20;
    // Of a tiny run: the same way, short enough for a simulator. Its times mean nothing.
    static Plan tiny() { return {.warmups = 1, .least = 1, .most = 1, .flushBytes = 2 * Flush::blockBytes}; }
  };
  static Result<Stopwatch> create(const DeviceRef &device, KernelCache &cache, const Plan &plan);

  // WORK only queues.
  Result<Times> time(Stream &stream, const std::function<Status(Stream &)> &work);

private:
  Stopwatch(const Plan &plan, Flush flush, Event begin, Event end)
      : plan(plan), flush(std::move(flush)), begin(std::move(begin)), end(std::move(end)) {}
  // Adds one run to TIMES.
  Status once(Stream &stream, const std::function<Status(Stream &)> &work, Times &times);

  Plan plan;
  Flush flush;
  Event begin, end;
};

} // namespace sage::bench
