// See Device.h.
#include "Device.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sage::simtest {
namespace {

std::filesystem::path reportFile;

nlohmann::json reports() {
  std::ifstream file(reportFile);
  if (!file) return nlohmann::json::array();
  return nlohmann::json::parse(file).at("violations");
}

void check(Result result) { REQUIRE(result == Result::Success); }

} // namespace

void setReportFile(std::filesystem::path path) { reportFile = std::move(path); }
std::size_t reportCount() { return reports().size(); }

Report lastReport() {
  const nlohmann::json all = reports();
  if (all.empty()) return {};
  const nlohmann::json &v = all.back();
  return {v.at("kind"),          v.at("message"),        v.at("text"),
          v.value("source", ""), v.value("nearest", ""), v.at("line"),
          v.at("block"),         v.at("thread"),         v.value("details", std::vector<std::string>())};
}

Device::Device(const std::string &name) : arch(name) {
  check(cuda::sagesimConfigure(arch.c_str()));
  check(cuda::cuInit(0));
  cuda::Context context = nullptr;
  check(cuda::cuDevicePrimaryCtxRetain(&context, 0));
  check(cuda::cuCtxSetCurrent(context));
}

Device::~Device() {
  cuda::cuCtxSetCurrent(nullptr);
  cuda::cuDevicePrimaryCtxRelease_v2(0);
}

void Device::reset() { check(cuda::cuDevicePrimaryCtxReset_v2(0)); }

Buffer::Buffer(std::size_t count) : bytes(count) {
  check(cuda::cuMemAlloc_v2(&pointer, bytes));
  live = true;
}
Buffer::~Buffer() {
  if (live) cuda::cuMemFree_v2(pointer);
}
void Buffer::write(const void *data, std::size_t count) { check(cuda::cuMemcpyHtoD_v2(pointer, data, count)); }
void Buffer::read(void *data, std::size_t count) const { check(cuda::cuMemcpyDtoH_v2(data, pointer, count)); }
void Buffer::release() {
  check(cuda::cuMemFree_v2(pointer));
  live = false;
}

Kernel::Kernel(const std::string &ptx, const std::string &name) {
  char log[2048] = "";
  cuda::JitOption options[] = {cuda::JitOption::ErrorLogBuffer, cuda::JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  const Result result = cuda::cuModuleLoadDataEx(&module, ptx.c_str(), 2, options, values);
  INFO(log);
  REQUIRE(result == Result::Success);
  check(cuda::cuModuleGetFunction(&function, module, name.c_str()));
}
Kernel::~Kernel() { cuda::cuModuleUnload(module); }

Result Kernel::launch(const Shape &s, void **arguments) const {
  if (s.sharedBytes > 49152) {
    const auto attribute = cuda::FunctionAttribute::MaxDynamicSharedSizeBytes;
    check(cuda::cuFuncSetAttribute(function, attribute, static_cast<int>(s.sharedBytes)));
  }
  if (s.clusterX != 0) {
    cuda::LaunchAttribute attribute{cuda::LaunchAttributeId::ClusterDimension, {}, {}};
    attribute.value.clusterDim = {s.clusterX, s.clusterY, s.clusterZ};
    const cuda::LaunchConfig config{s.gridX,  s.gridY,       s.gridZ, s.blockX,   s.blockY,
                                    s.blockZ, s.sharedBytes, nullptr, &attribute, 1};
    return cuda::cuLaunchKernelEx(&config, function, arguments, nullptr);
  }
  return cuda::cuLaunchKernel(function, s.gridX, s.gridY, s.gridZ, s.blockX, s.blockY, s.blockZ, s.sharedBytes, nullptr,
                              arguments, nullptr);
}
void Kernel::require(Result result) { check(result); }

LoadResult tryLoad(const std::string &ptx) {
  char log[2048] = "";
  cuda::JitOption options[] = {cuda::JitOption::ErrorLogBuffer, cuda::JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  cuda::Module module = nullptr;
  LoadResult loaded;
  loaded.result = cuda::cuModuleLoadDataEx(&module, ptx.c_str(), 2, options, values);
  loaded.log = log;
  if (loaded.result == Result::Success) cuda::cuModuleUnload(module);
  return loaded;
}

std::string kernelText(const std::string &parameters, const std::string &body, const std::string &target,
                       const std::string &globals) {
  return ".version 8.7\n.target " + target + "\n.address_size 64\n" + globals + "\n.visible .entry k(" + parameters +
         ")\n{\n" + body + "\nret;\n}\n";
}

} // namespace sage::simtest
