// bench-attention: times the shipped configs on a device, with the output checked in the same run, and a plain product
// at 8 and 16 bits as the machine's yardstick. JSON goes to --out after every case (docs/measuring.md).
#include "attention/AttentionCase.h"
#include "attention/Product.h"
#include "record/Options.h"
#include "sage/runtime/Compiler.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

namespace {

using namespace sage;
using namespace sage::bench;

std::string productName(DType dtype) { return "gemm " + std::string(name(dtype)); }

class Run {
public:
  Run(const Options &options, Bench &bench, Record &record)
      : options(options), bench(bench), record(record), start(std::chrono::steady_clock::now()) {
    record["cases"] = Json::array();
    record["gemm"] = Json::array();
  }

  Status all() {
    for (DType dtype : {DType::I8, DType::F16}) SAGE_TRY(product(dtype));
    for (const Shape &shape : shapes(options.extent)) SAGE_TRY(onShape(shape));
    if (seen == 0) return invalidInput("--only: no case has '" + options.only + "' in its name; see --list");
    if (isLate()) {
      talk("stopped by --time-limit");
      SAGE_TRY(record.save()); // not complete
    } else {
      SAGE_TRY(record.finish());
    }
    if (failed == 0) return {};
    return Status(Code::CheckFailed, std::to_string(failed) + " cases failed");
  }

private:
  bool isLate() const {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    return options.timeLimitSeconds > 0 && spent.count() > options.timeLimitSeconds;
  }
  bool isWanted(const std::string &name) const { return name.find(options.only) != std::string::npos; }

  Status keep(const char *list, const std::string &name, Json entry, const Status &status) {
    // Too little memory is a property of the device; anything else that a driver says may be sticky and ends the run.
    if (!status.ok()) {
      entry["status"] = "failed";
      entry["reason"] = status.message();
    }
    ++seen;
    const std::string how = entry["status"];
    failed += how == "failed";
    std::string line = name + ": " + how;
    if (how == "ok" && !bench.device->simulated()) {
      const Json &time = entry.contains("kernel") ? entry["kernel"] : entry["time"];
      char text[64];
      std::snprintf(text, sizeof text, ", %.1f us, %.0f TOPS", double(time["median_us"]), double(time["tops"]));
      line += text;
    }
    if (entry.contains("reason")) line += ", " + std::string(entry["reason"]);
    talk(line);
    record[list].push_back(std::move(entry));
    SAGE_TRY(record.save());
    return status.code() == Code::Device ? status : Status();
  }

  Status product(DType dtype) {
    const ProductSize size = options.extent == Extent::Tiny ? ProductSize{160, 96, 256} : ProductSize{8192, 8192, 8192};
    const std::string label = productName(dtype);
    if (!isWanted(label) || isLate()) return {};
    Json entry{{"dtype", name(dtype)}, {"m", size.m}, {"n", size.n}, {"k", size.k}};
    const Status status = measureProduct(bench, dtype, size, entry);
    return keep("gemm", label, std::move(entry), status);
  }

  Status onShape(const Shape &shape) {
    std::optional<ShapeTensors> tensors;
    for (const std::string &mask : shape.masks)
      for (const std::string &config : configs(options.extent)) {
        const std::string name = caseName(shape, config, mask);
        if (!isWanted(name) || isLate()) continue;
        Json entry{{"name", name},           {"config", config},           {"shape", shape.label},
                   {"batch", shape.batch},   {"query_heads", shape.heads}, {"key_heads", shape.heads},
                   {"tokens", shape.tokens}, {"head_dim", shape.headDim},  {"mask", mask}};
        if (!fits(shape)) {
          entry["status"] = "skipped";
          entry["reason"] = "the device has too little memory";
          SAGE_TRY(keep("cases", name, std::move(entry), {}));
          continue;
        }
        if (!tensors) {
          SAGE_ASSIGN(const Data *data, dataFor(shape.headDim));
          SAGE_ASSIGN(tensors, ShapeTensors::create(bench.device, *data, shape));
        }
        const Status status = tensors->measure(bench, config, mask, entry);
        SAGE_TRY(keep("cases", name, std::move(entry), status));
      }
    return {};
  }

  // Q, K, V, O in 16 bits, Q and K in 8, and what the flush takes.
  bool fits(const Shape &s) const {
    const double elements = double(s.batch * s.heads) * double(s.tokens) * double(s.headDim);
    return elements * 11 + 0.5e9 < double(bench.device->limits().memoryBytes);
  }

  Result<const Data *> dataFor(std::int64_t headDim) {
    auto found = pools.find(headDim);
    if (found == pools.end()) {
      std::int64_t heads = 1, tokens = 1;
      for (const Shape &s : shapes(options.extent)) {
        if (s.headDim != headDim) continue;
        heads = std::max(heads, std::min<std::int64_t>(4, s.batch * s.heads));
        tokens = std::max(tokens, s.tokens);
      }
      SAGE_ASSIGN(Data data, Data::create(heads, tokens, headDim));
      found = pools.emplace(headDim, std::move(data)).first;
    }
    return &found->second;
  }

  const Options &options;
  Bench &bench;
  Record &record;
  std::chrono::steady_clock::time_point start;
  std::map<std::int64_t, Data> pools;
  int seen = 0, failed = 0;
};

Status listCases(const Options &options) {
  for (DType dtype : {DType::I8, DType::F16}) std::printf("%s\n", productName(dtype).c_str());
  for (const Shape &shape : shapes(options.extent))
    for (const std::string &mask : shape.masks)
      for (const std::string &config : configs(options.extent))
        std::printf("%s\n", caseName(shape, config, mask).c_str());
  return {};
}

Status run(const Options &options) {
  if (options.list) return listCases(options);
  SAGE_ASSIGN(const DeviceRef device, Device::open(options.device));
  talk("device: " + device->description());
  SAGE_ASSIGN(const CompilerRef compiler, CompilerLibrary::open());
  SAGE_ASSIGN(Stream stream, device->createStream());
  SAGE_ASSIGN(Stopwatch stopwatch, Stopwatch::create(device, {}));
  Bench bench{device, std::make_shared<KernelCache>(), std::move(stream), std::move(stopwatch)};
  Record record(options.out, "bench-attention", *device, compiler->id());
  return Run(options, bench, record).all();
}

} // namespace

int main(int argc, char **argv) {
  Result<std::optional<Options>> options =
      parseOptions(argc, argv, "bench-attention", "Time attention on a device and check its output.");
  if (options && !*options) return 0;
  Status status;
  try {
    status = options ? run(**options) : options.status();
  } catch (const std::exception &error) {
    status = internalError(error.what());
  }
  if (!status.ok()) talk("bench-attention: error: " + status.message());
  return status.exitCode();
}
