// Metadata of an artifact, from JSON (docs/artifact.md). Caps keep every later product of sizes inside 63 bits.
#include "sage/runtime/Artifact.h"

#include "runtime/compiler/JsonFields.h"
#include "runtime/config/JsonText.h"

#include <algorithm>

namespace sage {
namespace {

using nlohmann::json;

constexpr std::int64_t format = 1;
constexpr std::size_t maxViews = 32, maxExtents = 16, maxScalars = 16;
constexpr std::int64_t maxFactor = 1 << 20, maxFixedSize = INT32_MAX;

Result<SizeSpec> parseSize(const json &value, const std::vector<std::string> &extents) {
  SizeSpec size;
  SAGE_ASSIGN(size.divisor, integerField(value, "divisor", 1, maxFactor));
  if (!value.contains("of")) return invalidInput("field 'of' is missing");
  if (value["of"].is_null()) {
    SAGE_ASSIGN(size.times, integerField(value, "times", 1, maxFixedSize));
    return size;
  }
  SAGE_ASSIGN(size.times, integerField(value, "times", 1, maxFactor));
  SAGE_ASSIGN(const std::string name, stringField(value, "of"));
  auto found = std::find(extents.begin(), extents.end(), name);
  if (found == extents.end()) return invalidInput("size names the extent '" + name + "', which 'extents' lacks");
  size.extent = int(found - extents.begin());
  return size;
}

Result<ViewSpec> parseView(const json &value, const std::vector<std::string> &extents) {
  ViewSpec view;
  SAGE_ASSIGN(view.name, stringField(value, "name"));
  SAGE_ASSIGN(const std::string type, stringField(value, "dtype"));
  const std::optional<DType> dtype = parseDType(type);
  if (!dtype) return invalidInput("view '" + view.name + "' has the unknown dtype '" + type + "'");
  view.dtype = *dtype;
  SAGE_ASSIGN(const std::string access, stringField(value, "access"));
  if (access != "read" && access != "write")
    return invalidInput("view '" + view.name + "': access is 'read' or 'write', not '" + access + "'");
  view.written = access == "write";
  SAGE_ASSIGN(const json *sizes, arrayField(value, "extents", TensorView::maxRank));
  if (sizes->empty()) return invalidInput("view '" + view.name + "' has no axes");
  for (const json &size : *sizes) {
    SAGE_ASSIGN(SizeSpec spec, parseSize(size, extents).context("view '" + view.name + "'"));
    view.extents.push_back(spec);
  }
  return view;
}

Result<std::array<unsigned, 3>> parseTriple(const json &object, const char *key, std::int64_t high) {
  SAGE_ASSIGN(const json *values, arrayField(object, key, 3));
  std::array<unsigned, 3> result{1, 1, 1};
  for (std::size_t i = 0; i < values->size(); ++i) {
    const json &value = (*values)[i];
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
        value.get<std::uint64_t>() > std::uint64_t(high))
      return invalidInput(std::string("field '") + key + "': expected integers from 1 to " + std::to_string(high));
    result[i] = value.get<unsigned>();
  }
  return result;
}

Status parseInterface(const json &root, KernelMetadata &metadata) {
  SAGE_ASSIGN(const json *extents, arrayField(root, "extents", maxExtents));
  for (const json &name : *extents) {
    if (!name.is_string()) return invalidInput("field 'extents': expected names");
    metadata.extents.push_back(name.get<std::string>());
  }
  SAGE_ASSIGN(const json *views, arrayField(root, "views", maxViews));
  for (const json &view : *views) {
    SAGE_ASSIGN(ViewSpec spec, parseView(view, metadata.extents));
    metadata.views.push_back(std::move(spec));
  }
  SAGE_ASSIGN(const json *scalars, arrayField(root, "scalars", maxScalars));
  for (const json &scalar : *scalars) {
    ScalarSpec spec;
    SAGE_ASSIGN(spec.name, stringField(scalar, "name"));
    SAGE_ASSIGN(spec.dtype, stringField(scalar, "dtype"));
    if (spec.dtype != "f32" && spec.dtype != "i32" && spec.dtype != "i64")
      return invalidInput("scalar '" + spec.name + "': dtype is f32, i32 or i64, not '" + spec.dtype + "'");
    metadata.scalars.push_back(std::move(spec));
  }
  return {};
}

Status parseLaunch(const json &root, KernelMetadata &metadata) {
  SAGE_ASSIGN(const json *grid, arrayField(root, "grid", 3));
  if (grid->empty()) return invalidInput("field 'grid': expected 1 to 3 sizes");
  for (std::size_t i = 0; i < grid->size(); ++i) {
    SAGE_ASSIGN(metadata.grid[i], parseSize((*grid)[i], metadata.extents).context("grid"));
  }
  SAGE_ASSIGN(metadata.block, parseTriple(root, "block", 1024));
  SAGE_ASSIGN(metadata.cluster, parseTriple(root, "cluster", 16));
  if (metadata.cluster != std::array<unsigned, 3>{1, 1, 1})
    return invalidInput("field 'cluster': clusters larger than 1 are not supported by this version");
  SAGE_ASSIGN(metadata.sharedBytes, integerField(root, "shared_bytes", 0, 1 << 20));
  return {};
}

} // namespace

Result<KernelMetadata> KernelMetadata::parse(std::string_view text) {
  KernelMetadata metadata;
  SAGE_ASSIGN(const json root, parseJson(text).context("artifact metadata"));
  auto fields = [&]() -> Status {
    SAGE_ASSIGN(const std::int64_t version, integerField(root, "format", 0, INT32_MAX));
    if (version != format)
      return invalidInput("format " + std::to_string(version) + " is not the format " + std::to_string(format) +
                          " of this version");
    SAGE_ASSIGN(metadata.entry, stringField(root, "entry"));
    SAGE_ASSIGN(metadata.program, stringField(root, "program"));
    SAGE_ASSIGN(metadata.arch, stringField(root, "arch"));
    SAGE_ASSIGN(metadata.ptxVersion, stringField(root, "ptx_version"));
    SAGE_ASSIGN(metadata.compiler, stringField(root, "compiler"));
    SAGE_ASSIGN(metadata.hash, stringField(root, "hash"));
    SAGE_ASSIGN(metadata.minDriver, integerField(root, "min_driver", 0, 1000000));
    SAGE_TRY(parseInterface(root, metadata));
    SAGE_TRY(parseLaunch(root, metadata));
    return {};
  };
  SAGE_TRY(fields().context("artifact metadata"));
  if (root.contains("parameters")) metadata.parameters = root["parameters"].dump();
  if (root.contains("schedule")) metadata.schedule = root["schedule"].dump();
  return metadata;
}

} // namespace sage
