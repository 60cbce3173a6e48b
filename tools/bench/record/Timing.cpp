// See Timing.h.
#include "record/Timing.h"

#include <algorithm>
#include <cmath>

namespace sage::bench {

// More than twice the largest L2 cache of the supported GPUs (126 MB on sm_120).
constexpr std::size_t flushBytes = std::size_t(256) << 20;
constexpr int warmups = 3;

double Times::quantile(double q) const {
  if (us.empty()) return NAN;
  std::vector<double> sorted = us;
  std::sort(sorted.begin(), sorted.end());
  const double at = q * double(sorted.size() - 1);
  const std::size_t below = std::size_t(at), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
}

Json Times::json(double operations) const {
  Json json{{"times_us", us}, {"median_us", median()}, {"q1_us", quantile(.25)}, {"q3_us", quantile(.75)}};
  if (operations > 0) json["tops"] = operations / median() * 1e-6;
  return json;
}

Result<Stopwatch> Stopwatch::create(const DeviceRef &device, const Plan &plan) {
  Buffer flushed;
  if (!device->simulated()) {
    SAGE_ASSIGN(flushed, device->allocate(flushBytes));
  }
  SAGE_ASSIGN(Event begin, device->createEvent());
  SAGE_ASSIGN(Event end, device->createEvent());
  return Stopwatch(device, plan, std::move(flushed), std::move(begin), std::move(end));
}

Result<double> Stopwatch::once(Stream &stream, const std::function<Status(Stream &)> &work) {
  SAGE_TRY(flushed.fill(0, stream));
  SAGE_TRY(begin.record(stream));
  SAGE_TRY(work(stream));
  SAGE_TRY(end.record(stream));
  SAGE_TRY(end.synchronize());
  SAGE_ASSIGN(float ms, end.millisecondsSince(begin));
  return double(ms) * 1e3;
}

Result<Times> Stopwatch::time(Stream &stream, const std::function<Status(Stream &)> &work) {
  Times times;
  const int warm = device->simulated() ? 0 : warmups;
  double last = 0;
  for (int k = 0; k < warm; ++k) {
    SAGE_ASSIGN(last, once(stream, work));
  }
  const int wanted = last > 0 ? int(std::clamp(plan.budgetMs * 1e3 / last, double(plan.least), double(plan.most))) : 1;
  for (int k = 0; k < wanted; ++k) {
    SAGE_ASSIGN(const double us, once(stream, work));
    times.us.push_back(us);
  }
  return times;
}

} // namespace sage::bench
