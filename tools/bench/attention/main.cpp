// bench-attention: times the shipped configs on a device, with the output checked in the same run, and a plain product
// at 8 and 16 bits as the machine's yardstick. JSON goes to --out after every case (docs/measuring.md).
#include "attention/AttentionCase.h"
#include "attention/Product.h"
#include "record/Options.h"
#include "record/Restart.h"
#include "sage/runtime/Compiler.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

namespace {

using namespace sage;
using namespace sage::bench;

// One thing to time: a config on a shape, or a plain product.
struct Item {
  std::string name;
  Shape shape;
  std::string config, mask;
  std::optional<DType> product;
};

// A case without an end is given up. On an H100 none should take half of the least; slower GPUs have time for as many
// runs as the largest shapes get, at 40 TOPS.
double patience(const Item &item) {
  constexpr double least = 20, runs = 18, operationsPerSecond = 40e12;
  return item.product ? least : least + runs * operations(item.shape, item.mask) / operationsPerSecond;
}

std::vector<Item> itemsOf(const Options &options) {
  std::vector<Item> all;
  for (DType dtype : {DType::I8, DType::F16}) all.push_back({"gemm " + std::string(name(dtype)), {}, "", "", dtype});
  for (const Shape &shape : shapes(options.extent))
    for (const std::string &mask : shape.masks)
      for (const std::string &config : configs(options.extent))
        all.push_back({caseName(shape, config, mask), shape, config, mask, std::nullopt});
  std::erase_if(all, [&](const Item &item) { return item.name.find(options.only) == std::string::npos; });
  return all;
}

class Run {
public:
  Run(const Options &options, Rig &rig, Record &record) : options(options), rig(rig), record(record) {}

  Status all(const std::vector<Item> &items) {
    // Others miss them then, this program does not.
    const Status saved = options.tensors.empty() ? Status() : saveTensors(items);
    if (!saved.ok()) talk("bench-attention: error: " + saved.message() + "; going on without");
    auto item = items.begin();
    if (options.after.empty()) {
      record["shapes"] = problemsOf(items);
      record["cases"] = Json::array();
      record["gemm"] = Json::array();
      SAGE_TRY(record.save());
    } else {
      while (item != items.end() && item->name != options.after) ++item;
      if (item == items.end()) return invalidInput("--after: there is no case '" + options.after + "'; see --list");
      ++item;
    }
    for (; item != items.end() && !isLate(); ++item) SAGE_TRY(one(*item));
    if (item != items.end()) {
      talk("stopped by --time-limit before '" + item->name + "'");
      SAGE_TRY(record.save()); // not complete
    } else {
      SAGE_TRY(record.finish());
    }
    const auto failed = std::count_if(record["cases"].begin(), record["cases"].end(), isBad) +
                        std::count_if(record["gemm"].begin(), record["gemm"].end(), isBad);
    return failed == 0 ? saved : Status(Code::CheckFailed, std::to_string(failed) + " cases failed");
  }

private:
  static bool isBad(const Json &entry) { return entry["status"] == "failed"; }
  bool isLate() const { return options.timeLimitSeconds > 0 && record.seconds() > options.timeLimitSeconds; }

  Status one(const Item &item) {
    Json entry = headOf(item);
    entry["began"] = epochSeconds();
    Status status;
    if (!item.product && !fits(item.shape)) {
      entry["status"] = "skipped";
      entry["reason"] = "the device has too little memory";
    } else {
      // The process that waits for a kernel without an end is replaced, whatever it was about to do.
      std::optional<Watchdog> watchdog;
      if (!rig.device->simulated())
        watchdog.emplace(patience(item), [&, late = entry]() mutable {
          late["status"] = "failed";
          late["reason"] = "no end within " + std::to_string(int(patience(item))) + " seconds";
          (void)keep(item, late);
          talk("bench-attention: error: " + restartAfter(item.name).message());
        });
      status = item.product ? measureProduct(rig, *item.product, productSize(), entry) : onShape(item, entry);
    }
    if (!status.ok()) {
      entry["status"] = "failed";
      entry["reason"] = status.message();
    }
    SAGE_TRY(keep(item, entry));
    if (status.code() != Code::Device || isUsable(*rig.device)) return {};
    return restartAfter(item.name);
  }

  Json headOf(const Item &item) const {
    if (item.product) {
      const ProductSize size = productSize();
      return {{"dtype", name(*item.product)}, {"m", size.m}, {"n", size.n}, {"k", size.k}};
    }
    Json head{{"name", item.name}, {"config", item.config}};
    head.update(problemOf(item));
    return head;
  }

  // What is solved, whatever the config: the fields by which other programs find the same problem.
  static Json problemOf(const Item &item) {
    const Shape &s = item.shape;
    return {{"shape", s.label},   {"batch", s.batch},      {"query_heads", s.heads}, {"key_heads", s.heads},
            {"tokens", s.tokens}, {"head_dim", s.headDim}, {"mask", item.mask}};
  }

  // All that are planned, also where time does not suffice for them.
  static Json problemsOf(const std::vector<Item> &items) {
    Json all = Json::array();
    for (const Item &item : items) {
      if (item.product) continue;
      Json problem = problemOf(item);
      if (std::find(all.begin(), all.end(), problem) == all.end()) all.push_back(std::move(problem));
    }
    return all;
  }

  // One file for each head dim. A process that goes on behind a case finds those of the first.
  Status saveTensors(const std::vector<Item> &items) {
    std::set<std::int64_t> headDims;
    for (const Item &item : items)
      if (!item.product) headDims.insert(item.shape.headDim);
    for (std::int64_t headDim : headDims) {
      const std::string file = options.tensors + "/qkv-d" + std::to_string(headDim) + ".safetensors";
      std::error_code error;
      if (!options.after.empty() && std::filesystem::exists(file, error)) continue;
      SAGE_ASSIGN(const Data *data, dataFor(headDim));
      SAGE_TRY(data->save(file).context("--tensors"));
    }
    return {};
  }

  Status keep(const Item &item, Json entry) {
    entry["ended"] = epochSeconds();
    const std::string how = entry["status"];
    std::string line = item.name + ": " + how;
    if (how == "ok" && !rig.device->simulated()) {
      const Json &time = item.product ? entry["time"] : entry["kernel"];
      char text[64];
      std::snprintf(text, sizeof text, ", %.1f us, %.0f TOPS", double(time["median_us"]), double(time["tops"]));
      line += text;
    }
    if (entry.contains("reason")) line += ", " + std::string(entry["reason"]);
    talk(line);
    record[item.product ? "gemm" : "cases"].push_back(std::move(entry));
    return record.save();
  }

  ProductSize productSize() const {
    return options.extent == Extent::Tiny ? ProductSize{160, 96, 256} : ProductSize{8192, 8192, 8192};
  }

  Status onShape(const Item &item, Json &entry) {
    const Shape &s = item.shape;
    const std::string key = s.label + " " + std::to_string(s.headDim) + " " + std::to_string(s.tokens);
    if (!tensors || key != tensorsKey) {
      tensors.reset();
      SAGE_ASSIGN(const Data *data, dataFor(s.headDim));
      SAGE_ASSIGN(tensors, ShapeTensors::create(rig.device, *data, s));
      tensorsKey = key;
    }
    return tensors->measure(rig, item.config, item.mask, entry);
  }

  // Q, K, V, O in 16 bits, Q and K in 8, and what the flush takes.
  bool fits(const Shape &s) const {
    const double elements = double(s.batch * s.heads) * double(s.tokens) * double(s.headDim);
    return elements * 11 + 0.5e9 < double(rig.device->limits().memoryBytes);
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
  Rig &rig;
  Record &record;
  std::map<std::int64_t, Data> pools;
  std::optional<ShapeTensors> tensors; // of the shape that was last
  std::string tensorsKey;
};

Status run(const Options &options) {
  const std::vector<Item> items = itemsOf(options);
  if (items.empty()) return invalidInput("--only: no case has '" + options.only + "' in its name; see --list");
  if (options.list) {
    for (const Item &item : items) std::printf("%s\n", item.name.c_str());
    return {};
  }
  SAGE_ASSIGN(const DeviceRef device, Device::open(options.device));
  talk("device: " + device->description());
  SAGE_ASSIGN(const CompilerRef compiler, CompilerLibrary::open());
  SAGE_ASSIGN(Stream stream, device->createStream());
  const auto cache = std::make_shared<KernelCache>();
  // On the simulator the sizes of a GPU would take hours.
  const bool isTiny = options.extent == Extent::Tiny || device->simulated();
  SAGE_ASSIGN(Stopwatch stopwatch,
              Stopwatch::create(device, *cache, isTiny ? Stopwatch::Plan::tiny() : Stopwatch::Plan()));
  Rig rig{device, cache, std::move(stream), std::move(stopwatch)};
  Record record(options.out, "bench-attention", *device, compiler->id());
  if (!options.after.empty()) SAGE_TRY(record.resume());
  return Run(options, rig, record).all(items);
}

} // namespace

int main(int argc, char **argv) {
  Result<std::optional<Options>> options =
      parseOptions(argc, argv, "bench-attention", "Time attention on a device and check its output.", Restarts::Yes,
                   SavesTensors::Yes);
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
