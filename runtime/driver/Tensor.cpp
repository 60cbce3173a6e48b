// Element types and tensor views: names, sizes, strides. Plain arithmetic.
#include "sage/runtime/Tensor.h"

namespace sage {
namespace {

struct TypeRow {
  DType type;
  std::string_view name;
  std::size_t bytes;
};

constexpr TypeRow types[] = {
    {DType::F16, "f16", 2}, {DType::BF16, "bf16", 2}, {DType::F32, "f32", 4},   {DType::I8, "i8", 1},
    {DType::I32, "i32", 4}, {DType::E4M3, "e4m3", 1}, {DType::E5M2, "e5m2", 1},
};

const TypeRow &row(DType type) {
  for (const TypeRow &candidate : types)
    if (candidate.type == type) return candidate;
  return types[0];
}

bool equalIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  return true;
}

} // namespace

std::size_t byteSize(DType type) { return row(type).bytes; }
std::string_view name(DType type) { return row(type).name; }

std::optional<DType> parseDType(std::string_view text) {
  for (const TypeRow &candidate : types)
    if (candidate.name == text) return candidate.type;
  return std::nullopt;
}

TensorView TensorView::contiguous(DevicePointer pointer, DType dtype, std::initializer_list<std::int64_t> shape) {
  TensorView view;
  view.pointer = pointer;
  view.dtype = dtype;
  for (std::int64_t extent : shape)
    if (view.rank < maxRank) view.shape[view.rank++] = extent;
  std::int64_t stride = 1;
  for (int axis = view.rank - 1; axis >= 0; --axis) {
    view.strides[axis] = stride;
    stride *= view.shape[axis];
  }
  return view;
}

std::int64_t TensorView::count() const {
  std::int64_t total = 1;
  for (int axis = 0; axis < rank; ++axis) total *= shape[axis];
  return total;
}

std::int64_t TensorView::spanBytes() const {
  std::int64_t last = 0;
  for (int axis = 0; axis < rank; ++axis) {
    if (shape[axis] == 0) return 0;
    last += (shape[axis] - 1) * strides[axis];
  }
  return (last + 1) * std::int64_t(byteSize(dtype));
}

std::string TensorView::describe() const {
  std::string text = std::string(sage::name(dtype)) + "[";
  for (int axis = 0; axis < rank; ++axis) text += (axis ? ", " : "") + std::to_string(shape[axis]);
  return text + "]";
}

std::string_view name(TensorLayout layout) { return layout == TensorLayout::Hnd ? "HND" : "NHD"; }

std::optional<TensorLayout> parseTensorLayout(std::string_view text) {
  for (TensorLayout layout : {TensorLayout::Hnd, TensorLayout::Nhd})
    if (equalIgnoringCase(text, name(layout))) return layout;
  return std::nullopt;
}

TensorView attentionTensor(DevicePointer pointer, DType dtype, TensorLayout layout, std::int64_t batch,
                           std::int64_t heads, std::int64_t tokens, std::int64_t headDim) {
  TensorView view = TensorView::contiguous(pointer, dtype, {batch, heads, tokens, headDim});
  if (layout == TensorLayout::Nhd) view.strides = {tokens * heads * headDim, headDim, heads * headDim, 1};
  return view;
}

} // namespace sage
