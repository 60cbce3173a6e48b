// The functions of the language, one table: their names, how many arguments they take, and what each means.
// docs/language.md lists them for authors; a test holds the two lists against each other.
#pragma once

#include "Elaborator.h"

namespace sage::dsl {

/// The arguments of one call, evaluated.
struct BuiltinCall {
  const Expr &expr;
  std::vector<Value> generics, args;
  std::map<std::string, Value> named;
};

struct Builtin {
  const char *name;
  const char *generics; // "" or what stands between the angle brackets, for messages
  unsigned genericCount;
  unsigned minArgs, maxArgs;
  const char *usage;
  Value (*evaluate)(Elaborator &, BuiltinCall &);

  // Families, in the file that is named behind each. They are members so that they may use the elaborator's own tools.
  static Value elementwise(Elaborator &, BuiltinCall &); // BuiltinsTiles.cpp
  static Value extremum(Elaborator &, BuiltinCall &);
  static Value where(Elaborator &, BuiltinCall &);
  static Value saturate(Elaborator &, BuiltinCall &);
  static Value tile(Elaborator &, BuiltinCall &);
  static Value iota(Elaborator &, BuiltinCall &);
  static Value transpose(Elaborator &, BuiltinCall &);
  static Value dot(Elaborator &, BuiltinCall &);
  static Value accumulate(Elaborator &, BuiltinCall &);
  static Value reduceAxis(Elaborator &, BuiltinCall &);
  static Value reduceAll(Elaborator &, BuiltinCall &);
  static Value scan(Elaborator &, BuiltinCall &);
  static Value blocks(Elaborator &, BuiltinCall &); // BuiltinsBlocks.cpp
  static Value listed(Elaborator &, BuiltinCall &);
  static Value visibleBlocks(Elaborator &, BuiltinCall &);
  static Value cutBy(Elaborator &, BuiltinCall &);
  static Value keeps(Elaborator &, BuiltinCall &);
  static Value rows(Elaborator &, BuiltinCall &);
  static Value count(Elaborator &, BuiltinCall &);
  static Value pad(Elaborator &, BuiltinCall &);
  static Value groups(Elaborator &, BuiltinCall &);
  static Value groupsOf(Elaborator &, BuiltinCall &);
  static Value groupMax(Elaborator &, BuiltinCall &);
  static Value spread(Elaborator &, BuiltinCall &);
  static Value scales(Elaborator &, BuiltinCall &);
};

const std::vector<Builtin> &builtins();
const Builtin *findBuiltin(const std::string &name);
inline bool isBuiltin(const std::string &name) { return findBuiltin(name) != nullptr; }
std::vector<std::string> builtinNames();

} // namespace sage::dsl
