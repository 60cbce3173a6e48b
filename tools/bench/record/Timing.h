// How work on a device is timed: warm-up, then single runs between two events, each behind a write of twice the L2
// cache that is queued before the first event, so that inputs come from memory and the launch is not waited for.
#pragma once

#include "record/Record.h"

#include <functional>
#include <vector>

namespace sage::bench {

struct Times {
  std::vector<double> us; // as measured, in order
  double median() const { return quantile(.5); }
  // Linear between the two nearest.
  double quantile(double q) const;
  // {"times_us", "median_us", "q1_us", "q3_us"}, and "tops" when OPERATIONS are given.
  Json json(double operations = 0) const;
};

class Stopwatch {
public:
  // LEAST and MOST repetitions; between them as many as fit into BUDGET_MS.
  struct Plan {
    int least = 5, most = 50;
    double budgetMs = 200;
  };
  static Result<Stopwatch> create(const DeviceRef &device, const Plan &plan);

  // WORK only queues. On a simulated device it runs once, and the time means nothing.
  Result<Times> time(Stream &stream, const std::function<Status(Stream &)> &work);

private:
  Stopwatch(DeviceRef device, Plan plan, Buffer flushed, Event begin, Event end)
      : device(std::move(device)), plan(plan), flushed(std::move(flushed)), begin(std::move(begin)),
        end(std::move(end)) {}
  Result<double> once(Stream &stream, const std::function<Status(Stream &)> &work);

  DeviceRef device;
  Plan plan;
  Buffer flushed;
  Event begin, end;
};

} // namespace sage::bench
