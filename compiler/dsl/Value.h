// What an expression of a tile program is while it is being elaborated: its kind, its type, as much of its value as is
// known at compile time, and a handle on the code that computes it (null when only checking).
//
// With open parameters a size or a type may be unknown; its text then stands for it, and two of them are equal when
// their texts are. So the same code checks a generic program symbolically and a bound one with numbers.
#pragma once

#include "Ast.h"
#include "DataType.h"

#include <memory>

namespace sage::dsl {

/// A value in the code being generated; opaque here.
using Handle = void *;

/// A compile-time integer. `BQ` bound to 128 has the text "BQ" and the value 128.
struct Dim {
  std::string text;
  std::optional<int64_t> value;
  std::string base;                // pad<T>(E) and the tile of E: what their tile is called, "E"
  std::shared_ptr<const Dim> rows; // a number of scale groups: the rows that they are of
};
Dim literal(int64_t value);
bool same(const Dim &a, const Dim &b);
/// "BQ=128", "BQ" or "128"
std::string describe(const Dim &dim);

/// An element type, possibly open.
struct TypeName {
  std::string text;
  std::optional<DataType> value;
};
TypeName typeName(DataType type);
bool same(const TypeName &a, const TypeName &b);
std::string describe(const TypeName &type);

struct GranularityName {
  std::string text;
  std::optional<Granularity> value;
};
bool same(const GranularityName &a, const GranularityName &b);

/// One axis of a tile. A stretched axis was made by `_`: it has extent 1 in the type, none in the code, and repeats
/// when it meets a longer one.
struct Axis {
  Dim size;
  bool stretched = false;
};

/// One axis of a view: a compile-time extent, a run-time one, or the number of blocks or scale groups of one.
struct Extent {
  enum class Kind : uint8_t { Static, Rows, Blocks, Groups };
  Kind kind = Kind::Static;
  Dim size;                    // Static: the extent. Blocks: rows a block.
  std::string of;              // the run-time extent's name, except for Static
  GranularityName granularity; // Groups
  bool ragged = false;
};
std::string describe(const Extent &extent);

/// A kernel's view argument.
struct ViewInfo {
  const ArgumentDecl *decl = nullptr;
  TypeName type;
  std::vector<Extent> extents;
  Handle handle = nullptr;
  bool loaded = false, stored = false;
  bool supported = true; // false: an order or fill that lowering does not know yet
};

/// One index of a view: where a tile starts along the axis, and how far it reaches (no size: a single element).
struct Index {
  enum class Kind : uint8_t { At, Block, All, Groups, Gather };
  Kind kind = Kind::At;
  Handle offset = nullptr;
  Dim size;
};

struct Value {
  enum class Kind : uint8_t {
    Unknown,     // after an error, or open until parameters are bound: every use of it is taken
    Nothing,     // a call of a function without a return
    Integer,     // compile time: size
    Real,        // compile time: real
    Truth,       // compile time: text, truth
    Text,        // a string, or an enumerator: text, name
    Type,        // type
    Granularity, // granularity
    Scalar,      // type; extent when it is a run-time extent
    Tile,        // type, shape
    View,        // view, indices (as many as given so far)
    Block,       // extent, size; handle is the ordinal
    Blocks,      // extent, size; handle is the count; list when the ordinals are listed
    Groups,      // the scale groups of a block: extent, size (groups), granularity; handle is the first
  };
  Kind kind = Kind::Unknown;
  Handle handle = nullptr;
  Dim size;
  TypeName type;
  GranularityName granularity;
  std::vector<Axis> shape;
  std::optional<double> real;
  std::optional<bool> truth;
  std::string text;   // Truth: canonical form. Text: the open parameter's name
  std::string name;   // Text: the value, "" while open
  std::string extent; // Scalar, Block, Blocks, Groups
  std::string label;  // what messages call it; "" for its source text
  ViewInfo *view = nullptr;
  std::vector<Index> indices;
  std::shared_ptr<const Value> list;

  bool is(Kind other) const { return kind == other; }
  bool isUnknown() const { return kind == Kind::Unknown; }
  bool isConstant() const { return kind == Kind::Integer || kind == Kind::Real; }
  bool isRuntime() const { return kind == Kind::Scalar || kind == Kind::Tile; }
  bool isNumber() const { return isConstant() || isRuntime(); }
};

Value integerValue(Dim size);
Value realValue(std::optional<double> value);
Value truthValue(std::string text, std::optional<bool> value);
Value scalarValue(TypeName type, Handle handle);
Value tileValue(TypeName type, std::vector<Axis> shape, Handle handle);
Value typeValue(TypeName type);

/// "a tile [BQ=128, D=64] of f16", "the block i of N", "a view": for messages.
std::string describe(const Value &value);
std::string describeShape(const std::vector<Axis> &shape);
/// Axes that the code has: all but the stretched ones.
std::vector<int64_t> storedShape(const std::vector<Axis> &shape);
bool sameShape(const std::vector<Axis> &a, const std::vector<Axis> &b);

} // namespace sage::dsl
