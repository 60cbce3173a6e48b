// How the measuring programs time a call, on the simulator: the flush, and calls that the device waits for.
#include "record/Timing.h"

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace sage;
using namespace sage::bench;
using Catch::Matchers::Contains;

namespace {

DeviceRef simulator(const char *driver = "", const std::string &arch = "sm_80") {
  Result<DeviceRef> device = Device::open("sim:" + arch, {"", driver});
  INFO(device.status().message());
  REQUIRE(device.ok());
  return *device;
}

Status flush(const std::string &kernels, const std::string &arch = "sm_80") {
  setenv("SAGEC_KERNELS", kernels.c_str(), 1);
  const DeviceRef device = simulator("", arch);
  KernelCache cache;
  Result<Flush> flush = Flush::create(device, cache, 3 * Flush::blockBytes);
  unsetenv("SAGEC_KERNELS");
  if (!flush) return flush.status();
  Stream stream = *device->createStream();
  SAGE_TRY(flush->queue(stream, 2));
  return stream.synchronize();
}

} // namespace

TEST_CASE("the flushed buffer is read by a kernel that is tried") {
  const Status status = flush("", GENERATE("sm_80", "sm_90a", "sm_120a"));
  INFO(status.message());
  CHECK(status.ok());
}

TEST_CASE("a kernel that leaves something out flushes nothing") {
  const auto directory = std::filesystem::temp_directory_path() / ("sum-" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  for (const char *wrong : {"max(load X[i, :])", "sum(where(iota<D>()[_, :] < 127, load X[i, :], 0))"}) {
    std::ofstream(directory / "sum.tile") << "kernel sum<D, BN>(X: view<i32>[N, D], Y: view<i32>[blocks(N, BN)])"
                                             " grid (i in blocks(N, BN)) { store Y[i] = "
                                          << wrong << " }";
    const Status status = flush(directory.string());
    CHECK_THAT(status.message(), Contains("does not sum what was written"));
    CHECK(status.code() == Code::CheckFailed);
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("times tell whether the device waited for the host") {
  for (const char *driver : {"", BUSY_DRIVER}) {
    const DeviceRef device = simulator(driver);
    KernelCache cache;
    Stopwatch stopwatch = *Stopwatch::create(device, cache, Stopwatch::Plan::tiny());
    Stream stream = *device->createStream();
    int calls = 0;
    Result<Times> times = stopwatch.time(stream, [&](Stream &) -> Status { return ++calls, Status(); });
    REQUIRE(times.ok());
    CHECK(calls == 2); // one to warm up
    CHECK(times->us.size() == 1);
    CHECK(times->json()["host_bound"] == (*driver == 0)); // the simulator is done with all that it was given
  }
}

TEST_CASE("half of the runs make times the host's") {
  CHECK_FALSE(Times{{1, 2, 3}, 1}.hostBound());
  CHECK(Times{{1, 2, 3}, 2}.hostBound());
  CHECK(Times{{1, 2, 3, 4}, 2}.hostBound());
}
