// See Files.h. Stages are dumped by a second compilation, so that the time in the table is that of a plain one.
#include "Files.h"

#include "reference/AtomicFile.h"
#include "reference/Safetensors.h"

#include <filesystem>

namespace sage::demo {
namespace {

using namespace sage::reference;
namespace fs = std::filesystem;

Status makeDirectory(const fs::path &path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? invalidInput(path.string() + ": cannot make the directory: " + error.message()) : Status();
}

Status writeText(const fs::path &path, std::string_view text) {
  std::string_view parts[] = {text};
  return writeFileAtomically(path.string(), parts);
}

Status writeKernels(const fs::path &directory, const std::vector<Attention::Step> &steps) {
  SAGE_TRY(makeDirectory(directory));
  for (const Attention::Step &step : steps) {
    SAGE_TRY(writeText(directory / (step.role + ".ptx"), step.kernel->artifact().ptx));
    SAGE_TRY(writeText(directory / (step.role + ".json"), step.kernel->artifact().metadataJson));
  }
  return {};
}

Status dumpStages(const fs::path &directory, const Device &device, const Row &row) {
  SAGE_TRY(makeDirectory(directory));
  SAGE_ASSIGN(Config config, configFor(*row.variant, row.group->causal));
  int64_t headDim = row.group->layers.front().q.shape.back();
  SAGE_ASSIGN(auto kernels,
              attentionKernels(config, headDim, {.arch = device.arch(), .dumpStages = directory.string()}));
  SAGE_ASSIGN(CompilerRef compiler, CompilerLibrary::open());
  for (const AttentionKernel &kernel : kernels) SAGE_TRY(compiler->compile(kernel.request).status());
  return {};
}

Status writeOutputs(const fs::path &path, const Measured &measured) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < measured.outputs.size(); ++i)
    tensors.push_back({measured.row.group->layers[i].name + ".o", &measured.outputs[i]});
  return writeSafetensors(path.string(), tensors);
}

} // namespace

Status writeFiles(const std::string &directory, const Device &device, const Measured &measured) {
  const Row &row = measured.row;
  fs::path root(directory);
  std::string name = row.variant->file + "-" + row.group->file;
  bool offset = row.group->keys == Keys::Offset;
  SAGE_TRY(makeDirectory(root / "outputs"));
  SAGE_TRY(writeOutputs(root / "outputs" / (name + (offset ? "-offset" : "-asis") + ".safetensors"), measured));
  // The offset changes data, not kernels.
  if (offset) return {};
  SAGE_TRY(writeKernels(root / "ptx" / name, measured.steps));
  return dumpStages(root / "stages" / name, device, row);
}

} // namespace sage::demo
