// The main job, end to end: real queries, keys and values → tile programs compiled to PTX → a GPU, or the simulator →
// accuracy against exact attention, as one table. Exit code 0 when every figure is within its bound, 5 when one is not;
// 1, 2, 3, 4 as sagec.
//   sage-demo [--data DIR] [--output DIR] [--device D]
#include "Bounds.h"
#include "Cases.h"
#include "Files.h"
#include "Measure.h"
#include "Table.h"

#include <cstdio>
#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace {

using namespace sage;
using namespace sage::demo;

constexpr const char *usageText = "usage: sage-demo [--data DIR] [--output DIR] [--device auto|cuda:N|sim:ARCH]";

struct Options {
  std::string data = "tests/data", output = "demo-output", device;
};

Result<Options> parseOptions(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    std::string key = argv[i];
    std::string *target = key == "--data"     ? &options.data
                          : key == "--output" ? &options.output
                          : key == "--device" ? &options.device
                                              : nullptr;
    if (!target || i + 1 == argc) return Status(Code::Usage, usageText);
    *target = argv[i + 1];
  }
  return options;
}

// The step that begins: one line that replaces itself on a terminal, a line a step elsewhere.
void progress(size_t step, size_t total, const std::string &what) {
  const char *form = isatty(STDERR_FILENO) ? "\r\033[K[%zu/%zu] %s" : "[%zu/%zu] %s\n";
  std::fprintf(stderr, form, step, total, what.c_str());
}

void endProgress() {
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K");
}

Result<std::vector<Row>> measureAll(const Options &options, const DeviceRef &device,
                                    const std::vector<Variant> &variants, const std::vector<Group> &groups) {
  auto cache = std::make_shared<KernelCache>();
  std::vector<Row> rows;
  size_t total = groups.size() * variants.size();
  for (const Group &group : groups)
    for (const Variant &variant : variants) {
      progress(rows.size() + 1, total,
               variant.label + " on " + group.label + (group.keys == Keys::Offset ? ", K offset" : ""));
      SAGE_ASSIGN(Measured measured, measure(device, cache, variant, group));
      SAGE_TRY(writeFiles(options.output, *device, measured));
      rows.push_back(std::move(measured.row));
    }
  endProgress();
  return rows;
}

// The last line, and the exit code that goes with it.
Status conclude(const std::vector<Row> &rows) {
  size_t outside = 0;
  for (const Row &row : rows) outside += !judge(row, rows).within;
  if (outside > 0) {
    std::printf("FAILED: %zu of %zu rows are outside their bounds.\n", outside, rows.size());
    return {Code::CheckFailed, ""};
  }
  std::printf("OK: every figure is within its bound.\n");
  return {};
}

Status demonstrate(int argc, char **argv) {
  SAGE_ASSIGN(Options options, parseOptions(argc, argv));
  SAGE_ASSIGN(DeviceRef device, Device::open(options.device));
  std::fprintf(stderr, "device: %s\nexact attention in double precision …\n", device->description().c_str());
  SAGE_ASSIGN(std::vector<Group> groups, loadGroups(options.data));
  std::vector<Variant> all = variants();
  SAGE_ASSIGN(std::vector<Row> rows, measureAll(options, device, all, groups));
  std::string where = std::filesystem::absolute(options.output).lexically_normal().string();
  std::printf("\n%s\nDevice:  %s\nPTX:     %s/ptx\nStages:  %s/stages\nOutputs: %s/outputs\n", tableText(rows).c_str(),
              device->description().c_str(), where.c_str(), where.c_str(), where.c_str());
  return conclude(rows);
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") return std::puts(usageText) < 0;
  Status status = demonstrate(argc, argv);
  if (!status.message().empty()) std::fprintf(stderr, "sage-demo: error: %s\n", status.message().c_str());
  return status.exitCode();
}
