// See Harness.h.
#include "Harness.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {
namespace {

/// The PTX, or nothing where this subject was not compiled for ARCH.
std::string ptxOf(const std::string &subject, const std::string &arch) {
  std::ifstream file(std::string(SAGESIM_NVCC_PTX_FOLDER) + "/" + subject + "." + arch + ".ptx");
  std::stringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

cuda::DevicePtr addressOf(const Kernel &kernel, const std::string &name, std::size_t bytes) {
  cuda::Module module = nullptr;
  cuda::DevicePtr address = 0;
  std::size_t size = 0;
  REQUIRE(cuda::cuFuncGetModule(&module, kernel.handle()) == Result::Success);
  REQUIRE(cuda::cuModuleGetGlobal_v2(&address, &size, module, name.c_str()) == Result::Success);
  REQUIRE(size == bytes);
  return address;
}

} // namespace

void writeVariable(const Kernel &kernel, const std::string &name, const void *data, std::size_t bytes) {
  REQUIRE(cuda::cuMemcpyHtoD_v2(addressOf(kernel, name, bytes), data, bytes) == Result::Success);
}
void readVariable(const Kernel &kernel, const std::string &name, void *data, std::size_t bytes) {
  REQUIRE(cuda::cuMemcpyDtoH_v2(data, addressOf(kernel, name, bytes), bytes) == Result::Success);
}

void onEachArch(const std::string &subject, const std::function<void(const Foreign &)> &check, Reports reports) {
  bool any = false;
  for (const char *arch : {"sm_80", "sm_90a"}) {
    const std::string ptx = ptxOf(subject, arch);
    if (ptx.empty()) continue;
    any = true;
    if (ptx.starts_with("skipped:")) {
      WARN(ptx);
      continue;
    }
    INFO(subject << ".cu on " << arch);
    const std::size_t before = reportCount();
    const Device device(arch);
    check({arch, ptx});
    if (reports == Reports::None) {
      CHECK(reportCount() == before);
    }
  }
  REQUIRE(any);
}

std::string printedBy(const std::function<void()> &run) {
  std::fflush(stdout);
  char path[] = "/tmp/sagesim-output-XXXXXX";
  const int file = mkstemp(path), saved = dup(STDOUT_FILENO);
  REQUIRE(file >= 0);
  dup2(file, STDOUT_FILENO);
  run();
  std::fflush(stdout);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(file);
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  unlink(path);
  return text.str();
}

void launchCluster(const Kernel &kernel, const Kernel::Shape &s, Extent cluster, void **arguments) {
  cuda::LaunchAttribute attribute{};
  attribute.id = cuda::LaunchAttributeId::ClusterDimension;
  attribute.value.clusterDim.x = cluster.x;
  attribute.value.clusterDim.y = cluster.y;
  attribute.value.clusterDim.z = cluster.z;
  cuda::LaunchConfig config{};
  config.gridDimX = s.gridX, config.gridDimY = s.gridY, config.gridDimZ = s.gridZ;
  config.blockDimX = s.blockX, config.blockDimY = s.blockY, config.blockDimZ = s.blockZ;
  config.sharedMemBytes = s.sharedBytes;
  config.attributes = &attribute;
  config.numAttributes = 1;
  REQUIRE(cuda::cuLaunchKernelEx(&config, kernel.handle(), arguments, nullptr) == Result::Success);
}

void launchCooperative(const Kernel &kernel, const Kernel::Shape &s, void **arguments) {
  REQUIRE(cuda::cuLaunchCooperativeKernel(kernel.handle(), s.gridX, s.gridY, s.gridZ, s.blockX, s.blockY, s.blockZ,
                                          s.sharedBytes, nullptr, arguments) == Result::Success);
}

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> v(count);
  for (float &x : v) x = distribution(random);
  return v;
}

} // namespace sage::simtest
