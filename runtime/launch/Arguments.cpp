// Turns named views, scalars and extents into a kernel's argument slots, by its metadata, after checking everything
// that the kernel relies on. A launch goes through here each time, so the path without an error allocates nothing.
#include "sage/runtime/Kernel.h"

#include <bit>
#include <cmath>
#include <limits>

namespace sage {
namespace {

constexpr std::int64_t maxExtent = std::numeric_limits<std::int32_t>::max();
constexpr int maxViews = 32, maxExtents = 16;
constexpr std::int64_t vectorBytes = 16;

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

/// The views in declared order, and the value of each extent (-1: not known yet).
struct Binding {
  const KernelMetadata &metadata;
  std::array<const TensorView *, maxViews> views{};
  std::array<std::int64_t, maxExtents> extents;

  explicit Binding(const KernelMetadata &m) : metadata(m) { extents.fill(-1); }
  const std::string &extentName(int index) const { return metadata.extents[std::size_t(index)]; }
};

Status bindViews(Binding &binding, std::span<const NamedView> given) {
  for (const NamedView &argument : given) {
    std::size_t index = 0;
    const auto &specs = binding.metadata.views;
    while (index < specs.size() && specs[index].name != argument.name) ++index;
    if (index == specs.size()) return invalidInput("there is no view " + quoted(argument.name));
    if (binding.views[index]) return invalidInput("view " + quoted(argument.name) + " is given twice");
    binding.views[index] = &argument.view;
  }
  for (std::size_t i = 0; i < binding.metadata.views.size(); ++i)
    if (!binding.views[i]) return invalidInput("view " + quoted(binding.metadata.views[i].name) + " is not given");
  return {};
}

Status bindExtent(Binding &binding, int index, std::int64_t value, std::string_view source) {
  std::int64_t &known = binding.extents[std::size_t(index)];
  if (known >= 0 && known != value)
    return invalidInput("extent " + binding.extentName(index) + " is " + std::to_string(value) + " in " +
                        quoted(source) + ", but " + std::to_string(known) + " before it");
  if (value < 1 || value > maxExtent)
    return invalidInput("extent " + binding.extentName(index) + " is " + std::to_string(value) + " in " +
                        quoted(source) + "; allowed: 1 to " + std::to_string(maxExtent));
  known = value;
  return {};
}

Status checkTypeAndRank(const ViewSpec &spec, const TensorView &view) {
  if (view.dtype != spec.dtype)
    return invalidInput("view " + quoted(spec.name) + " is " + view.describe() + "; its type must be " +
                        std::string(name(spec.dtype)));
  if (view.rank != int(spec.extents.size()))
    return invalidInput("view " + quoted(spec.name) + " is " + view.describe() + "; it must have " +
                        std::to_string(spec.extents.size()) + " axes");
  return {};
}

Status bindExtents(Binding &binding, std::span<const NamedExtent> given) {
  for (std::size_t i = 0; i < binding.metadata.views.size(); ++i) {
    const ViewSpec &spec = binding.metadata.views[i];
    SAGE_TRY(checkTypeAndRank(spec, *binding.views[i]));
    for (int axis = 0; axis < binding.views[i]->rank; ++axis) {
      const SizeSpec &size = spec.extents[std::size_t(axis)];
      if (size.extent >= 0 && size.divisor == 1 && size.times == 1)
        SAGE_TRY(bindExtent(binding, size.extent, binding.views[i]->shape[std::size_t(axis)], spec.name));
    }
  }
  for (const NamedExtent &argument : given) {
    int index = 0;
    const int count = int(binding.metadata.extents.size());
    while (index < count && binding.extentName(index) != argument.name) ++index;
    if (index == count) return invalidInput("there is no extent " + quoted(argument.name));
    SAGE_TRY(bindExtent(binding, index, argument.value, argument.name));
  }
  for (std::size_t i = 0; i < binding.metadata.extents.size(); ++i)
    if (binding.extents[i] < 0)
      return invalidInput("extent " + binding.extentName(int(i)) + " follows from no view and is not given");
  return {};
}

/// A tile of such a view has rows, which the kernel moves in pieces of 16 bytes; any other view is accessed element
/// by element.
bool hasRows(const ViewSpec &spec) { return spec.extents.size() > 1 && spec.extents.back().extent < 0; }

Status checkMemory(const ViewSpec &spec, const TensorView &view) {
  const auto bytes = std::int64_t(byteSize(view.dtype));
  const std::int64_t alignment = hasRows(spec) ? vectorBytes : bytes;
  if (view.pointer == 0) return invalidInput("view " + quoted(spec.name) + " has no memory (its pointer is 0)");
  if (view.pointer % std::uint64_t(alignment) != 0)
    return invalidInput("view " + quoted(spec.name) + ": its address must be a multiple of " +
                        std::to_string(alignment) + " bytes");
  std::int64_t last = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    const std::int64_t extent = view.shape[std::size_t(axis)], stride = view.strides[std::size_t(axis)];
    auto refuse = [&](const std::string &reason) {
      return invalidInput("view " + quoted(spec.name) + ", axis " + std::to_string(axis) + ": " + reason);
    };
    if (axis == view.rank - 1 && stride != 1 && extent != 1) return refuse("the last axis must be contiguous");
    std::int64_t reach = 0;
    if (stride < 0 || __builtin_mul_overflow(extent - 1, stride, &reach) ||
        __builtin_add_overflow(last, reach, &last) || last > std::numeric_limits<std::int64_t>::max() / 16)
      return refuse("the stride " + std::to_string(stride) + " is out of range");
    if (axis < view.rank - 1 && extent > 1 && stride * bytes % alignment != 0)
      return refuse("the stride must be a multiple of " + std::to_string(alignment) + " bytes");
    if (spec.written && stride == 0 && extent > 1) return refuse("an output cannot have the stride 0");
  }
  return {};
}

Status checkShapes(const Binding &binding) {
  for (std::size_t i = 0; i < binding.metadata.views.size(); ++i) {
    const ViewSpec &spec = binding.metadata.views[i];
    for (int axis = 0; axis < binding.views[i]->rank; ++axis) {
      const std::int64_t expected = spec.extents[std::size_t(axis)].value(binding.extents.data());
      if (binding.views[i]->shape[std::size_t(axis)] != expected)
        return invalidInput("view " + quoted(spec.name) + " is " + binding.views[i]->describe() + "; axis " +
                            std::to_string(axis) + " must be " + std::to_string(expected));
    }
    SAGE_TRY(checkMemory(spec, *binding.views[i]));
  }
  return {};
}

bool overlap(const TensorView &a, const TensorView &b) {
  return a.pointer < b.pointer + std::uint64_t(b.spanBytes()) && b.pointer < a.pointer + std::uint64_t(a.spanBytes());
}

/// Kernels promise the compiler that nothing aliases an output. Interleaved views are refused too: their ranges
/// overlap.
Status checkOverlap(const Binding &binding) {
  const auto &specs = binding.metadata.views;
  for (std::size_t i = 0; i < specs.size(); ++i)
    for (std::size_t j = 0; j < specs.size(); ++j)
      if (i != j && specs[i].written && (!specs[j].written || j > i) && overlap(*binding.views[i], *binding.views[j]))
        return invalidInput("output " + quoted(specs[i].name) + " overlaps " + quoted(specs[j].name) + " in memory");
  return {};
}

Result<std::uint64_t> scalarSlot(const ScalarSpec &spec, std::span<const NamedScalar> given) {
  for (const NamedScalar &argument : given) {
    if (argument.name != spec.name) continue;
    if (spec.dtype == "f32") return std::uint64_t(std::bit_cast<std::uint32_t>(float(argument.value)));
    const double limit = spec.dtype == "i32" ? 0x1p31 : 0x1p63;
    if (std::trunc(argument.value) != argument.value || argument.value < -limit || argument.value >= limit)
      return invalidInput("scalar " + quoted(spec.name) + ": the value is not an integer of type " + spec.dtype);
    return std::uint64_t(std::int64_t(argument.value));
  }
  return invalidInput("scalar " + quoted(spec.name) + " is not given");
}

Status checkScalarNames(const KernelMetadata &metadata, std::span<const NamedScalar> given) {
  for (const NamedScalar &argument : given) {
    bool known = false;
    for (const ScalarSpec &spec : metadata.scalars) known |= spec.name == argument.name;
    if (!known) return invalidInput("there is no scalar " + quoted(argument.name));
  }
  return {};
}

Status fillSlots(const Binding &binding, std::span<const NamedScalar> scalars, PackedArguments &packed) {
  packed.count = 0;
  auto add = [&](std::uint64_t value) {
    packed.slots[std::size_t(packed.count)] = value;
    packed.pointers[std::size_t(packed.count)] = &packed.slots[std::size_t(packed.count)];
    ++packed.count;
  };
  for (std::size_t i = 0; i < binding.metadata.views.size(); ++i) {
    add(binding.views[i]->pointer);
    for (int axis = 0; axis + 1 < binding.views[i]->rank; ++axis)
      add(std::uint64_t(binding.views[i]->strides[std::size_t(axis)]));
  }
  for (std::size_t i = 0; i < binding.metadata.extents.size(); ++i) add(std::uint64_t(binding.extents[i]));
  for (const ScalarSpec &spec : binding.metadata.scalars) {
    SAGE_ASSIGN(const std::uint64_t slot, scalarSlot(spec, scalars));
    add(slot);
  }
  return {};
}

Status fillGrid(const Binding &binding, const std::array<std::int64_t, 3> &maxGrid, PackedArguments &packed) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t size = binding.metadata.grid[axis].value(binding.extents.data());
    if (size < 1 || size > maxGrid[axis])
      return invalidInput(std::string("the grid needs ") + std::to_string(size) + " blocks along " + "xyz"[axis] +
                          "; the device allows 1 to " + std::to_string(maxGrid[axis]));
    packed.grid[axis] = unsigned(size);
  }
  return {};
}

// 32 views of 6 axes, 16 extents and 16 scalars (the caps of Artifact.cpp) fit.
static_assert(PackedArguments::maxSlots >= maxViews * TensorView::maxRank + maxExtents + 16);

Status pack(const KernelMetadata &metadata, const KernelArguments &arguments,
            const std::array<std::int64_t, 3> &maxGrid, PackedArguments &packed) {
  if (metadata.views.size() > maxViews || metadata.extents.size() > maxExtents || metadata.scalars.size() > 16)
    return invalidInput("the kernel has more arguments than a launch takes");
  Binding binding(metadata);
  SAGE_TRY(bindViews(binding, arguments.views));
  SAGE_TRY(bindExtents(binding, arguments.extents));
  SAGE_TRY(checkShapes(binding));
  SAGE_TRY(checkOverlap(binding));
  SAGE_TRY(checkScalarNames(metadata, arguments.scalars));
  SAGE_TRY(fillSlots(binding, arguments.scalars, packed));
  return fillGrid(binding, maxGrid, packed);
}

} // namespace

Status packArguments(const KernelMetadata &metadata, const KernelArguments &arguments,
                     const std::array<std::int64_t, 3> &maxGrid, PackedArguments &packed) {
  Status status = pack(metadata, arguments, maxGrid, packed);
  if (status.ok()) return status;
  return std::move(status).context("kernel '" + metadata.entry + "'");
}

} // namespace sage
