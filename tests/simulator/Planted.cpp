// See Planted.h.
#include "Planted.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace sage::simtest {

unsigned lineOf(const std::string &ptx, const std::string &mark) {
  const std::size_t at = ptx.find(mark);
  REQUIRE(at != std::string::npos);
  return static_cast<unsigned>(std::count(ptx.begin(), ptx.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
}

void expectFault(const std::string &bad, const std::string &good, const std::string &kind, Result code,
                 const std::string &mark, Kernel::Shape shape, const std::string &arch) {
  const std::string parameters = ".param .u64 p";
  Device device(arch);
  {
    Array<std::uint8_t> buffer(std::vector<std::uint8_t>(256, 7));
    Kernel kernel(kernelText(parameters, good, arch));
    const std::size_t before = reportCount();
    CHECK(kernel.tryLaunch(shape, buffer.address()) == Result::Success);
    CHECK(reportCount() == before);
  }
  Array<std::uint8_t> buffer(std::vector<std::uint8_t>(256, 7));
  const std::string text = kernelText(parameters, bad, arch);
  Kernel kernel(text);
  CHECK(kernel.tryLaunch(shape, buffer.address()) == code);
  const Report report = lastReport();
  CHECK(report.kind == kind);
  CHECK(report.line == lineOf(text, mark));
  CHECK(report.text.find(mark) != std::string::npos);
  // What a GPU notices too is sticky: everything fails now, until the context is reset.
  const bool isSticky = code != Result::LaunchFailed || kind == "trap";
  CHECK(cuda::cuCtxSynchronize() == (isSticky ? code : Result::Success));
  device.reset();
  CHECK(cuda::cuCtxSynchronize() == Result::Success);
}

} // namespace sage::simtest
