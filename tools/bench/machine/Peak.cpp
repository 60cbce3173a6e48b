// See Peak.h.
#include "Peak.h"

#include "Statistics.h"

namespace sage::machine {
namespace {

// A timed loop runs its count twice.
constexpr double passes = 2;

Status measureLength(Bench &bench, const Peak &peak, unsigned grid, int count, int repetitions, Reading &tops) {
  const double operations = passes * count * peak.operationsPerCount * grid;
  for (int k = 0; k < repetitions; ++k) {
    SAGE_ASSIGN(const double ms, bench.milliseconds(grid, count));
    tops.raw.push_back(operations / ms * 1e-9);
  }
  tops.value = median(tops.raw);
  return {};
}

} // namespace

std::vector<Quantity> peakQuantities(const std::string &name, const std::string &what) {
  return {{name + ".sustained", "TOPS", what + ", for about 100 ms on an H100"},
          {name + ".short", "TOPS", what + ", for about 1 ms on an H100"},
          {name + ".per-clock", "operations per clock and SM", what + ", by the clock of the SM"}};
}

Result<std::vector<Reading>> measurePeak(Bench &bench, const Peak &peak) {
  const unsigned grid = bench.fullGrid(peak.blocksPerSm);
  const int shortCount = bench.pick(1, peak.count / 100, peak.count / 100);
  const int longCount = bench.pick(1, peak.count, peak.count);
  Reading sustained, brief, perClock;
  bool verified = true;
  // First, since it also warms up and makes room for the output.
  for (int k = 0; k < bench.pick(1, 3, 5); ++k) {
    SAGE_ASSIGN(const TimedResults timed, bench.runTimed(grid, shortCount, peak.resultsPerThread));
    perClock.raw.push_back(shortCount * peak.operationsPerCount * peak.blocksPerSm / median(timed.clocks));
    const std::size_t perBlock = peak.resultsPerThread * bench.text().threads;
    verified &= peak.accept(timed.results.data());
    for (unsigned block = 1; block < grid; ++block)
      verified &= std::equal(timed.results.begin(), timed.results.begin() + std::ptrdiff_t(perBlock),
                             timed.results.begin() + std::ptrdiff_t(block * perBlock));
  }
  perClock.value = median(perClock.raw);
  SAGE_TRY(measureLength(bench, peak, grid, shortCount, bench.pick(1, 5, 11), brief));
  SAGE_TRY(measureLength(bench, peak, grid, longCount, bench.pick(1, 2, 5), sustained));
  std::vector<Reading> readings{sustained, brief, perClock};
  for (Reading &reading : readings) reading.verified = verified;
  return readings;
}

} // namespace sage::machine
