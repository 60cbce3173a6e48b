// See Traffic.h.
#include "Traffic.h"

#include "record/Statistics.h"

namespace sage::machine {
namespace {

constexpr std::size_t dramBytes = std::size_t(1) << 30; // many times any L2

struct Source {
  int pieces, passes, repetitions;
};

// Words of which the first of each 16 KiB is another one in each piece; returns the sum of those that are added.
Result<std::uint32_t> fillInput(Bench &bench, const Traffic &traffic, int pieces) {
  constexpr std::size_t markEvery = 4096;
  std::vector<std::uint32_t> words(traffic.pieceBytes / 4);
  std::uint32_t unmarked = 0, sum = 0;
  for (std::size_t k = 0; k < words.size(); ++k) {
    words[k] = std::uint32_t(k) * 2654435761u ^ std::uint32_t(k >> 7);
    if (k % std::size_t(traffic.everyWord) == 0 && k % markEvery != 0) unmarked += words[k];
  }
  for (int piece = 0; piece < pieces; ++piece) {
    sum += unmarked;
    for (std::size_t k = 0; k < words.size(); k += markEvery)
      sum += words[k] = std::uint32_t(k + 1) * 2246822519u ^ std::uint32_t(piece) * 3266489917u;
    SAGE_TRY(bench.upload(words, traffic.pieceBytes * std::size_t(piece)));
  }
  return sum;
}

Result<Reading> measureSource(Bench &bench, const Traffic &traffic, const Source &source) {
  SAGE_TRY(bench.makeInput(traffic.pieceBytes * std::size_t(source.pieces)));
  SAGE_ASSIGN(const std::uint32_t sum, fillInput(bench, traffic, source.pieces));
  if (traffic.prepare) SAGE_TRY(traffic.prepare(bench));
  SAGE_TRY(bench.makeOutput(4));
  Reading reading;
  const double bytes = double(traffic.pieceBytes) * source.pieces * source.passes;
  for (int k = 0; k <= source.repetitions; ++k) {
    SAGE_ASSIGN(const double ms, bench.milliseconds(traffic.grid, source.passes, source.pieces));
    if (k > 0) reading.raw.push_back(bytes / ms * 1e-6); // the first one warms up
  }
  SAGE_ASSIGN(const std::vector<std::uint32_t> output, bench.output(1));
  reading.verified = output[0] == sum * std::uint32_t(source.passes * (source.repetitions + 1));
  reading.value = bench::median(reading.raw);
  reading.detail = std::to_string(traffic.pieceBytes * std::size_t(source.pieces)) + " bytes";
  return reading;
}

} // namespace

std::vector<Quantity> trafficQuantities(const std::string &name, const std::string &what) {
  return {{name + ".l2", "GB/s", what + " from L2, 4 to 6 MB again and again"},
          {name + ".dram", "GB/s", what + " from DRAM, 1 GiB"}};
}

Result<std::vector<Reading>> measureTraffic(Bench &bench, const Traffic &traffic) {
  const int many = int(dramBytes / traffic.pieceBytes);
  SAGE_ASSIGN(const Reading l2, measureSource(bench, traffic, {1, bench.pick(2, 500, 1000), bench.pick(1, 5, 9)}));
  SAGE_ASSIGN(const Reading dram, measureSource(bench, traffic, {bench.pick(2, many, many), 1, bench.pick(1, 5, 9)}));
  return std::vector{l2, dram};
}

} // namespace sage::machine
