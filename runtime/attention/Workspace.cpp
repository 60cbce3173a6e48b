// See Workspace.h.
#include "runtime/attention/Workspace.h"

#include "runtime/attention/Kernels.h"

namespace sage {
namespace {

constexpr std::size_t alignment = 256;
constexpr double maxBytes = 0x1p60;

Status add(Workspace &workspace, const char *name, DType type, std::initializer_list<std::int64_t> shape) {
  double estimate = double(byteSize(type));
  for (std::int64_t extent : shape) estimate *= double(extent);
  if (estimate + double(workspace.bytes) > maxBytes) return invalidInput("these shapes need more than 2^60 bytes");
  WorkspaceTensor tensor{name, workspace.bytes, TensorView::contiguous(0, type, shape)};
  workspace.bytes += (std::size_t(tensor.view.spanBytes()) + alignment - 1) / alignment * alignment;
  workspace.tensors.push_back(std::move(tensor));
  return {};
}

/// Rows of quantised data are padded to what an 8-bit product needs, as pad<T>(D) of the tile language.
std::int64_t padded(std::int64_t headDim) { return (headDim + 31) / 32 * 32; }

} // namespace

TensorView Workspace::find(std::string_view name, DevicePointer base) const {
  for (const WorkspaceTensor &tensor : tensors) {
    if (tensor.name != name) continue;
    TensorView view = tensor.view;
    view.pointer = base + tensor.offset;
    return view;
  }
  return {};
}

Result<Workspace> layOutWorkspace(const Config &config, const AttentionShape &shape) {
  Workspace workspace;
  if (config.qk != DType::I8) return workspace;
  const auto [batch, queryHeads, keyHeads, queries, keys, headDim, type] = shape;
  const std::int64_t queryGroups = config.queryGranularity().groups(queries);
  const std::int64_t keyGroups = config.keyGranularity().groups(keys);
  if (config.smoothK) SAGE_TRY(add(workspace, "k_mean", DType::F32, {batch, keyHeads, headDim}));
  SAGE_TRY(add(workspace, "q_quantized", DType::I8, {batch, queryHeads, queries, padded(headDim)}));
  SAGE_TRY(add(workspace, "q_scale", DType::F32, {batch, queryHeads, queryGroups}));
  SAGE_TRY(add(workspace, "k_quantized", DType::I8, {batch, keyHeads, keys, padded(headDim)}));
  SAGE_TRY(add(workspace, "k_scale", DType::F32, {batch, keyHeads, keyGroups}));
  if (needsCorrection(config)) SAGE_TRY(add(workspace, "q_correction", DType::F32, {batch, queryHeads, queries}));
  return workspace;
}

} // namespace sage
