// Making, comparing and naming values (Value.h).
#include "Value.h"

namespace sage::dsl {

Dim literal(int64_t value) { return {std::to_string(value), value, "", nullptr}; }

bool same(const Dim &a, const Dim &b) { return a.value && b.value ? *a.value == *b.value : a.text == b.text; }

std::string describe(const Dim &dim) {
  if (!dim.value)
    return dim.text;
  std::string number = std::to_string(*dim.value);
  return number == dim.text ? number : dim.text + "=" + number;
}

TypeName typeName(DataType type) { return {nameOf(type), type}; }

bool same(const TypeName &a, const TypeName &b) { return a.value && b.value ? *a.value == *b.value : a.text == b.text; }

std::string describe(const TypeName &type) { return type.value ? nameOf(*type.value) : type.text; }

bool same(const GranularityName &a, const GranularityName &b) {
  return a.value && b.value ? *a.value == *b.value : a.text == b.text;
}

std::string describe(const Extent &extent) {
  switch (extent.kind) {
  case Extent::Kind::Static:
    return describe(extent.size);
  case Extent::Kind::Rows:
    return extent.of;
  case Extent::Kind::Blocks:
    return "blocks(" + extent.of + ", " + describe(extent.size) + ")";
  case Extent::Kind::Groups:
    return "groups(" + extent.of + ", " + extent.granularity.text + ")";
  }
  return "";
}

Value integerValue(Dim size) {
  Value value;
  value.kind = Value::Kind::Integer;
  value.size = std::move(size);
  return value;
}

Value realValue(std::optional<double> real) {
  Value value;
  value.kind = Value::Kind::Real;
  value.real = real;
  return value;
}

Value truthValue(std::string text, std::optional<bool> truth) {
  Value value;
  value.kind = Value::Kind::Truth;
  value.text = std::move(text);
  value.truth = truth;
  return value;
}

Value scalarValue(TypeName type, Handle handle) {
  Value value;
  value.kind = Value::Kind::Scalar;
  value.type = std::move(type);
  value.handle = handle;
  return value;
}

Value tileValue(TypeName type, std::vector<Axis> shape, Handle handle) {
  Value value;
  value.kind = Value::Kind::Tile;
  value.type = std::move(type);
  value.shape = std::move(shape);
  value.handle = handle;
  return value;
}

Value typeValue(TypeName type) {
  Value value;
  value.kind = Value::Kind::Type;
  value.type = std::move(type);
  return value;
}

std::string describeShape(const std::vector<Axis> &shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + (shape[i].stretched ? "1" : describe(shape[i].size));
  return out + "]";
}

std::vector<int64_t> storedShape(const std::vector<Axis> &shape) {
  std::vector<int64_t> out;
  for (const Axis &axis : shape)
    if (!axis.stretched)
      out.push_back(axis.size.value.value_or(0));
  return out;
}

bool sameShape(const std::vector<Axis> &a, const std::vector<Axis> &b) {
  if (a.size() != b.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].stretched != b[i].stretched || (!a[i].stretched && !same(a[i].size, b[i].size)))
      return false;
  return true;
}

std::string describe(const Value &value) {
  switch (value.kind) {
  case Value::Kind::Unknown:
    return "an unknown value";
  case Value::Kind::Nothing:
    return "no value";
  case Value::Kind::Integer:
    return "the integer " + describe(value.size);
  case Value::Kind::Real:
    return "a number";
  case Value::Kind::Truth:
    return "a compile-time condition";
  case Value::Kind::Text:
    return value.name.empty() ? "the parameter " + value.text : "'" + value.name + "'";
  case Value::Kind::Type:
    return "the type " + describe(value.type);
  case Value::Kind::Granularity:
    return "the granularity " + value.granularity.text;
  case Value::Kind::Scalar:
    return "a scalar of " + describe(value.type);
  case Value::Kind::Tile:
    return "a tile " + describeShape(value.shape) + " of " + describe(value.type);
  case Value::Kind::View:
    return value.indices.empty() ? "the view " + value.view->decl->name
                                 : "a part of the view " + value.view->decl->name;
  case Value::Kind::Block:
    return "a block of " + describe(value.size) + " rows of " + (value.extent.empty() ? "a list" : value.extent);
  case Value::Kind::Blocks:
    return "blocks of " + (value.extent.empty() ? "a list" : value.extent);
  case Value::Kind::Groups:
    return "the scale groups of a block of " + value.extent;
  }
  return "";
}

} // namespace sage::dsl
