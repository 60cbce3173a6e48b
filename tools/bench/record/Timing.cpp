// See Timing.h.
#include "record/Timing.h"

#include "record/Statistics.h"

#include <algorithm>

namespace sage::bench {

constexpr int flushReads = 2;

double Times::median() const { return bench::median(us); }

Json Times::json(double operations) const {
  Json json{{"times_us", us},
            {"median_us", median()},
            {"q1_us", quantile(us, .25)},
            {"q3_us", quantile(us, .75)},
            {"host_bound", hostBound()}};
  if (operations > 0) json["tops"] = operations / median() * 1e-6;
  return json;
}

Result<Stopwatch> Stopwatch::create(const DeviceRef &device, KernelCache &cache, const Plan &plan) {
  SAGE_ASSIGN(Flush flush, Flush::create(device, cache, plan.flushBytes));
  SAGE_ASSIGN(Event begin, device->createEvent());
  SAGE_ASSIGN(Event end, device->createEvent());
  return Stopwatch(plan, std::move(flush), std::move(begin), std::move(end));
}

Status Stopwatch::once(Stream &stream, const std::function<Status(Stream &)> &work, Times &times) {
  SAGE_TRY(flush.queue(stream, flushReads));
  SAGE_TRY(begin.record(stream));
  SAGE_TRY(work(stream));
  // The question takes time of the host, and so of the device only where it waits for the host anyway.
  SAGE_ASSIGN(const bool isLate, begin.reached());
  SAGE_TRY(end.record(stream));
  SAGE_TRY(end.synchronize());
  SAGE_ASSIGN(const float ms, end.millisecondsSince(begin));
  times.us.push_back(double(ms) * 1e3);
  times.late += isLate;
  return {};
}

Result<Times> Stopwatch::time(Stream &stream, const std::function<Status(Stream &)> &work) {
  Times warm, times;
  for (int k = 0; k < plan.warmups; ++k) SAGE_TRY(once(stream, work, warm));
  const double last = std::max(warm.us.back(), 1e-3);
  const int wanted = int(std::clamp(plan.budgetMs * 1e3 / last, double(plan.least), double(plan.most)));
  for (int k = 0; k < wanted; ++k) SAGE_TRY(once(stream, work, times));
  return times;
}

} // namespace sage::bench
