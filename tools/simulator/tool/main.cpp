// sagesim: runs a kernel of any PTX file by itself. Violations go to standard error, counters as JSON to standard
// output. A client of the exported driver functions, nothing more.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "driver/Api.h"
#include "report/Checks.h"
#include "tool/Arguments.h"

namespace {

using namespace sage::cuda;
using sage::sim::tool::Argument;

constexpr const char *usage =
    R"(Run a kernel of a PTX file in the simulator; violations go to standard error, counters to standard output.

Usage: sagesim run FILE.ptx --kernel NAME [OPTIONS]

  --kernel NAME     The entry to run.
  --grid X,Y,Z      Blocks [1,1,1].
  --block X,Y,Z     Threads of a block [32,1,1].
  --cluster X,Y,Z   Blocks of a cluster [as the kernel says].
  --shared BYTES    Dynamic shared memory [0].
  --cooperative     All blocks run at the same time, as a kernel with a barrier
                    of the whole grid needs it; takes no value.
  --device ARCH     sm_80, sm_86, sm_89, sm_90a or sm_120a [sm_80].
  --arg ARG         The next argument: u32:5, s64:-1, f32:1.5, buf:BYTES (memory
                    that nobody wrote), buf:@FILE (the bytes of a file).
  --checks LIST     The detectors that look: all, none, names of kinds with
                    commas, -NAME leaves one out [all].
  --output N:FILE   Write buffer argument N (the first is 0) to FILE afterwards.

Environment, of every program that the simulator runs under:

  SAGESIM_DEVICES   Devices with commas, such as sm_80,sm_90a [sm_80]; here
                    --device decides.
  SAGESIM_REPORT    A file that gets every violation as JSON.
  SAGESIM_CHECKS    As --checks [all].
  SAGESIM_LEAKS     1: report what was never freed.
  SAGESIM_THREADS   Host threads that blocks run on [one a processor].
  SAGESIM_TIMEOUT   Seconds without a block that ends, after which a launch
                    fails; 0: never [600].
  SAGESIM_TRACE     1: every driver call and its code on standard error.
  SAGESIM_LEVEL     The vector level: baseline, avx2, avx512 [the best]; all
                    give the same results.

Exit codes: 0 ok, 1 bad input, 2 usage, 3 the kernel failed or was refused.
)";

struct Options {
  std::string file, kernel, device = "sm_80", checks;
  bool cooperative = false;
  unsigned grid[3] = {1, 1, 1}, block[3] = {32, 1, 1}, shared = 0, cluster[3] = {0, 1, 1};
  std::vector<Argument> arguments;
  std::vector<std::pair<std::size_t, std::string>> outputs;
};

int fail(int code, const std::string &message) {
  std::fprintf(stderr, "sagesim: error: %s\n", message.c_str());
  return code;
}

int failCall(const char *call, Result result) {
  const char *name = "unknown error";
  cuGetErrorName(result, &name);
  return fail(3, std::string(call) + ": " + name);
}

bool parseCount(const std::string &text, unsigned long &to) {
  char *end = nullptr;
  to = std::strtoul(text.c_str(), &end, 10);
  return !text.empty() && text[0] >= '0' && text[0] <= '9' && *end == 0 && to <= 0x7ffffffful;
}

bool parseOutput(const std::string &value, Options &to) {
  const std::size_t colon = value.find(':');
  unsigned long index = 0;
  if (colon == std::string::npos || !parseCount(value.substr(0, colon), index)) return false;
  to.outputs.emplace_back(index, value.substr(colon + 1));
  return true;
}

/// Empty, or what is wrong with option NAME.
std::string parseOption(const std::string &name, const std::string &value, Options &to) {
  std::string message;
  bool ok = true;
  unsigned long count = 0;
  if (name == "--kernel")
    to.kernel = value;
  else if (name == "--device")
    to.device = value;
  else if (name == "--checks")
    sage::sim::Checks::parse(to.checks = value, message), ok = message.empty();
  else if (name == "--grid")
    ok = sage::sim::tool::parseTriple(value, to.grid);
  else if (name == "--block")
    ok = sage::sim::tool::parseTriple(value, to.block);
  else if (name == "--cluster")
    ok = sage::sim::tool::parseTriple(value, to.cluster);
  else if (name == "--shared")
    ok = parseCount(value, count), to.shared = static_cast<unsigned>(count);
  else if (name == "--arg")
    ok = sage::sim::tool::parseArgument(value, to.arguments.emplace_back(), message);
  else if (name == "--output")
    ok = parseOutput(value, to);
  else
    return "there is no option '" + name + "'";
  if (ok) return "";
  return message.empty() ? "'" + value + "' is no value for " + name : message;
}

std::string parse(int argc, char **argv, Options &to) {
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      if (!to.file.empty()) return "more than one file";
      to.file = word;
      continue;
    }
    if (word == "--cooperative") {
      to.cooperative = true;
      continue;
    }
    if (i + 1 == argc) return word + " needs a value";
    if (std::string message = parseOption(word, argv[++i], to); !message.empty()) return message;
  }
  for (const auto &[index, path] : to.outputs)
    if (index >= to.arguments.size() || !to.arguments[index].isBuffer)
      return "argument " + std::to_string(index) + " is no buffer";
  return to.file.empty() || to.kernel.empty() ? "a file and --kernel are needed" : "";
}

int loadKernel(const Options &o, const std::vector<std::uint8_t> &text, Function &function) {
  static char log[8192];
  JitOption options[] = {JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  Module module = nullptr;
  if (cuModuleLoadDataEx(&module, text.data(), 2, options, values) != Result::Success)
    return fail(3, o.file + " was refused: " + log);
  if (cuModuleGetFunction(&function, module, o.kernel.c_str()) != Result::Success)
    return fail(1, o.file + " has no entry '" + o.kernel + "'");
  const auto limit = FunctionAttribute::MaxDynamicSharedSizeBytes;
  if (o.shared == 0) return 0;
  const Result r = cuFuncSetAttribute(function, limit, static_cast<int>(o.shared));
  return r == Result::Success ? 0 : failCall("--shared", r);
}

int makeBuffer(Argument &a) {
  DevicePtr pointer = 0;
  if (const Result r = cuMemAlloc_v2(&pointer, a.size); r != Result::Success) return failCall(a.text.c_str(), r);
  if (a.written) cuMemcpyHtoD_v2(pointer, a.bytes.data(), a.size);
  const auto *from = reinterpret_cast<const std::uint8_t *>(&pointer);
  a.bytes.assign(from, from + sizeof pointer);
  return 0;
}

int writeOutputs(const Options &o) {
  for (const auto &[index, path] : o.outputs) {
    const Argument &a = o.arguments[index];
    DevicePtr pointer = 0;
    std::memcpy(&pointer, a.bytes.data(), sizeof pointer);
    std::vector<std::uint8_t> content(a.size);
    if (const Result r = cuMemcpyDtoH_v2(content.data(), pointer, a.size); r != Result::Success)
      return failCall("--output", r);
    std::FILE *file = std::fopen(path.c_str(), "wb");
    const bool written = file && std::fwrite(content.data(), 1, content.size(), file) == content.size();
    if (!file || std::fclose(file) != 0 || !written) return fail(1, "cannot write '" + path + "'");
  }
  return 0;
}

Result launch(const Options &o, Function function, void **arguments) {
  LaunchAttribute attributes[2] = {};
  unsigned count = 0;
  if (o.cluster[0] != 0) {
    attributes[count].id = LaunchAttributeId::ClusterDimension;
    attributes[count++].value.clusterDim = {o.cluster[0], o.cluster[1], o.cluster[2]};
  }
  if (o.cooperative) {
    attributes[count].id = LaunchAttributeId::Cooperative;
    attributes[count++].value.cooperative = 1;
  }
  const LaunchConfig config{o.grid[0],  o.grid[1], o.grid[2], o.block[0], o.block[1],
                            o.block[2], o.shared,  nullptr,   attributes, count};
  return cuLaunchKernelEx(&config, function, arguments, nullptr);
}

int runKernel(Options &o) {
  std::vector<std::uint8_t> text;
  if (!sage::sim::tool::readFile(o.file, text)) return fail(1, "cannot read '" + o.file + "'");
  text.push_back(0);
  if (!o.checks.empty()) setenv("SAGESIM_CHECKS", o.checks.c_str(), 1); // before the library looks
  if (sagesimConfigure(o.device.c_str()) != Result::Success) return fail(1, "no such device: '" + o.device + "'");
  Context context = nullptr;
  cuInit(0);
  if (const Result r = cuDevicePrimaryCtxRetain(&context, 0); r != Result::Success) return failCall("context", r);
  cuCtxSetCurrent(context);
  Function function = nullptr;
  if (const int code = loadKernel(o, text, function)) return code;
  std::vector<void *> pointers;
  std::vector<DevicePtr> buffers;
  for (Argument &a : o.arguments) {
    if (a.isBuffer) {
      if (const int code = makeBuffer(a)) return code;
      std::memcpy(&buffers.emplace_back(), a.bytes.data(), sizeof(DevicePtr));
    }
    a.bytes.resize(32764); // the most that parameters take: one wider than its argument finds zeros
    pointers.push_back(a.bytes.data());
  }
  for (int k = 0; k < 64; ++k) pointers.push_back(nullptr); // too few arguments are an error of the launch
  const Result result = launch(o, function, pointers.data());
  std::printf("%s\n", sagesimCounters());
  // The library has said why.
  if (result == Result::InvalidValue) return fail(2, "the launch is invalid; every parameter needs its --arg");
  const int code = result == Result::Success ? writeOutputs(o) : failCall("launch", result);
  for (const DevicePtr p : buffers) cuMemFree_v2(p); // or they would count as leaks
  return code;
}

} // namespace

int main(int argc, char **argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "--help" || command == "-h" || (argc > 2 && std::string(argv[2]) == "--help"))
    return std::fputs(usage, stdout) < 0;
  Options options;
  if (command != "run") return std::fputs(usage, stderr), 2;
  if (const std::string message = parse(argc, argv, options); !message.empty()) return fail(2, message);
  return runKernel(options);
}
