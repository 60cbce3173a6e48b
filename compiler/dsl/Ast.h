// The syntax tree of a tile program: what the parser found, before any name has a meaning. Nodes live in the program's
// arena and point at each other freely; nothing here owns another node, so a deep tree costs no recursion to destroy.
#pragma once

#include "Source.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sage::dsl {

enum class UnaryOp : uint8_t { Negate, Not, Invert };
enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Rem,
  And,
  Or,
  BitAnd,
  BitOr,
  BitXor,
  Shl,
  Shr,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Max,
  Min
};
bool isComparison(BinaryOp op);
/// As written: "+", "and", "max".
const char *spelling(BinaryOp op);

struct Expr;

/// `rows: R` in a call.
struct NamedArgument {
  std::string name;
  Location location;
  const Expr *value = nullptr;
};

struct Expr {
  enum class Kind : uint8_t {
    Name,    // text
    Integer, // integer
    Real,    // real
    Text,    // text (a string)
    Truth,   // integer is 0 or 1
    Unary,   // unary, args[0]
    Binary,  // binary, args[0..1]
    Choose,  // args[0] ? args[1] : args[2]
    Call,    // text<generics>(args, named)
    Index,   // args[0] [args[1], ...]
    Whole,   // `:` in an index
    NewAxis, // `_` in an index or an extent
    Member,  // args[0] . text
    Cast,    // args[0] as args[1]
    Load,    // load args[0]
  };
  Kind kind = Kind::Name;
  UnaryOp unary = UnaryOp::Negate;
  BinaryOp binary = BinaryOp::Add;
  unsigned depth = 1; // height of this tree; bounded by the parser
  Location location;  // the whole expression
  Location at;        // its name or operator: where a caret should point
  std::string text;
  int64_t integer = 0;
  double real = 0;
  std::vector<const Expr *> args, generics;
  std::vector<NamedArgument> named;
};

struct Stmt;
using Block = std::vector<const Stmt *>;

struct Binding {
  std::string name;
  Location location;
  const Expr *value = nullptr;
};

struct Stmt {
  enum class Kind : uint8_t {
    Let,     // bindings
    Var,     // bindings
    Assign,  // name, target location, value; `update` for += and friends
    Store,   // store place [where condition] = value
    Atomic,  // atomic name place = value
    For,     // for name in value body
    Repeat,  // repeat value body
    If,      // if condition body else other (run time)
    When,    // when condition body else other (compile time)
    Call,    // value is a call
    Return,  // return value
    Require, // require condition, name (a message)
  };
  Kind kind = Kind::Let;
  Location location; // the keyword or the target
  std::vector<Binding> bindings;
  std::string name;
  std::optional<BinaryOp> update;
  const Expr *place = nullptr, *condition = nullptr, *value = nullptr;
  Block body, other;
};

/// What a compile-time parameter may be. Integer is the kind of a parameter without one.
enum class ParameterKind : uint8_t { Integer, DataType, Truth, Granularity, Mask, Accumulation, Order };

struct ParameterDecl {
  std::string name;
  Location location;
  ParameterKind kind = ParameterKind::Integer;
};

struct ViewAttribute {
  std::string name; // order, fill
  Location location;
  const Expr *value = nullptr;
};

/// `X: view<T>[B, H, N, D] when c`, or `scale: f32 when c`.
struct ArgumentDecl {
  std::string name;
  Location location;
  bool isView = false;
  const Expr *type = nullptr; // element type of a view, type of a scalar
  std::vector<ViewAttribute> attributes;
  std::vector<const Expr *> extents;
  const Expr *when = nullptr;
};

/// `i in blocks(N, BQ)`
struct GridAxis {
  std::string name;
  Location location;
  const Expr *range = nullptr;
};

struct FunctionArgument {
  enum class Kind : uint8_t { Any, Tile, Scalar, View, Block, Ref };
  std::string name;
  Location location;
  Kind kind = Kind::Any;
};

/// A kernel has `arguments` and `grid`, a function has `inputs`.
struct Definition {
  bool isKernel = false;
  std::string name;
  Location location;
  std::vector<ParameterDecl> parameters;
  std::vector<ArgumentDecl> arguments;
  std::vector<GridAxis> grid;
  std::vector<FunctionArgument> inputs;
  Block body;
  Location end; // the closing brace
};

/// A parsed file. Definitions keep the order of the text.
struct SyntaxTree {
  std::deque<Expr> expressions;
  std::deque<Stmt> statements;
  std::deque<Definition> definitions;
};

} // namespace sage::dsl
