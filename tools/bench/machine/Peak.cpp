// See Peak.h.
#include "Peak.h"

#include "record/Statistics.h"

namespace sage::machine {
namespace {

// A timed loop runs its count twice.
constexpr double passes = 2;

// Every block computes the same.
bool isRight(const Bench &bench, const Peak &peak, unsigned grid, int count,
             const std::vector<std::uint32_t> &results) {
  const std::size_t perBlock = peak.resultsPerThread * bench.text().threads;
  for (unsigned block = 1; block < grid; ++block)
    if (!std::equal(results.begin(), results.begin() + std::ptrdiff_t(perBlock),
                    results.begin() + std::ptrdiff_t(block * perBlock)))
      return false;
  return peak.accept(results.data(), 2 * passes * count + 1);
}

Status measureLength(Bench &bench, const Peak &peak, unsigned grid, int count, int repetitions, Reading &tops) {
  const double operations = passes * count * peak.operationsPerCount * grid;
  for (int k = 0; k < repetitions; ++k) {
    SAGE_ASSIGN(const double ms, bench.milliseconds(grid, count));
    tops.raw.push_back(operations / ms * 1e-9);
  }
  tops.value = bench::median(tops.raw);
  SAGE_ASSIGN(const TimedResults last, bench.timedOutput(grid, peak.resultsPerThread));
  tops.verified = isRight(bench, peak, grid, count, last.results);
  return {};
}

} // namespace

std::vector<Quantity> peakQuantities(const std::string &name, const std::string &what) {
  return {{name + ".sustained", "TOPS", what + ", for about 100 ms on an H100"},
          {name + ".short", "TOPS", what + ", for about 1 ms on an H100"},
          {name + ".per-clock", "operations per clock and SM", what + ", by the clock of the SM"}};
}

Result<std::vector<Reading>> measurePeak(Bench &bench, const Peak &peak) {
  const unsigned grid = bench.fullGrid();
  const int shortCount = bench.pick(1, peak.count / 100, peak.count / 100);
  const int longCount = bench.pick(1, peak.count, peak.count);
  Reading sustained, brief, perClock;
  SAGE_ASSIGN(const TimedResults single, bench.runTimed(grid, 1, peak.resultsPerThread));
  const bool computes = isRight(bench, peak, grid, 1, single.results);
  perClock.verified = computes;
  // First, since it also warms up and makes room for the output.
  for (int k = 0; k < bench.pick(1, 3, 5); ++k) {
    SAGE_ASSIGN(const TimedResults timed, bench.runTimed(grid, shortCount, peak.resultsPerThread));
    perClock.raw.push_back(shortCount * peak.operationsPerCount / bench::median(timed.clocks));
    perClock.verified &= isRight(bench, peak, grid, shortCount, timed.results);
  }
  perClock.value = bench::median(perClock.raw);
  SAGE_TRY(measureLength(bench, peak, grid, shortCount, bench.pick(1, 5, 11), brief));
  SAGE_TRY(measureLength(bench, peak, grid, longCount, bench.pick(1, 2, 5), sustained));
  brief.verified &= computes;
  sustained.verified &= computes;
  return std::vector{sustained, brief, perClock};
}

} // namespace sage::machine
