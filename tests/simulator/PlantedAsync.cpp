// See PlantedAsync.h.
#include "PlantedAsync.h"

#include <catch2/catch.hpp>

#include "Planted.h"

namespace sage::simtest {

void expectPlanted(const std::string &head, const std::vector<PlantedAsync> &list, unsigned threads) {
  const std::string parameters = ".param .u64 p, .param .u64 q";
  const Kernel::Shape shape{.blockX = threads, .sharedBytes = 16384};
  Device device("sm_90a");
  for (const PlantedAsync &p : list) {
    INFO(p.name);
    const Array<std::uint8_t> out(std::vector<std::uint8_t>(4096, 7)), in(std::vector<std::uint8_t>(4096, 9));
    Kernel right(kernel90(parameters, head + p.good));
    const std::size_t before = reportCount();
    CHECK(right.tryLaunch(shape, out.address(), in.address()) == Result::Success);
    CHECK(reportCount() == before);
    const std::string text = kernel90(parameters, head + p.bad);
    Kernel wrong(text);
    CHECK(wrong.tryLaunch(shape, out.address(), in.address()) == p.code);
    CHECK(reportCount() == before + 1);
    const Report report = lastReport();
    CHECK(report.kind == p.kind);
    CHECK(report.line == lineOf(text, p.mark));
    CHECK(report.text.find(p.mark) != std::string::npos);
    device.reset();
  }
}

} // namespace sage::simtest
