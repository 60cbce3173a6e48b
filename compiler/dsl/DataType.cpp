// The table of element types (DataType.h).
#include "DataType.h"

namespace sage::dsl {
namespace {

constexpr DataTypeInfo Types[] = {
    {"f32", 32, true, 3.4028234663852886e38, 1, false},
    {"f16", 16, true, 65504, 1, false},
    {"bf16", 16, true, 3.3895313892515355e38, 1, false},
    {"e4m3", 8, true, 448, 448, true},
    {"e5m2", 8, true, 57344, 57344, true},
    {"i8", 8, false, 127, 127, true},
    {"i32", 32, false, 2147483647, 1, false},
    {"bool", 1, false, 1, 1, false},
};

} // namespace

const DataTypeInfo &info(DataType type) { return Types[static_cast<size_t>(type)]; }

std::optional<DataType> dataTypeNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(Types) - 1; ++i)
    if (name == Types[i].name)
      return static_cast<DataType>(i);
  return std::nullopt;
}

const std::vector<std::string> &dataTypeNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const DataTypeInfo &type : Types)
      if (type.bits > 1)
        list.emplace_back(type.name);
    return list;
  }();
  return names;
}

} // namespace sage::dsl
