// The public face of the tile language without MLIR: text in, a checked program out. Lowering.h makes IR of it.
//
//   Diagnostics diagnostics;
//   auto program = parseProgram("mean.tile", text, diagnostics);  // syntax
//   bool sound = program && checkProgram(*program, diagnostics);  // names, types, shapes, with all parameters open
//   const Definition *kernel = findKernel(*program, "mean", diagnostics);
//   auto parameters = bindParameters(*program, *kernel, json, {{"BN", 128}}, diagnostics);
#pragma once

#include "Ast.h"
#include "Diagnostics.h"
#include "Parameters.h"

#include <memory>

namespace sage::dsl {

/// A tile program is a page or two; anything far beyond is a mistake and refused unread.
constexpr size_t LargestProgram = size_t(1) << 20;

class Program {
public:
  Program(std::unique_ptr<Source> source, std::unique_ptr<SyntaxTree> tree)
      : source_(std::move(source)), tree_(std::move(tree)) {}

  const Source &source() const { return *source_; }
  const std::deque<Definition> &definitions() const { return tree_->definitions; }
  /// The kernel or function of that name, or null.
  const Definition *find(std::string_view name, bool kernel) const;
  std::vector<std::string> names(bool kernels) const;

private:
  std::unique_ptr<Source> source_;
  std::unique_ptr<SyntaxTree> tree_;
};

/// Syntax only. Nothing is returned when an error was reported.
std::optional<Program> parseProgram(std::string name, std::string text, Diagnostics &diagnostics);

/// Checks every definition with its parameters open: what holds must hold for all their values. True when there is no
/// error.
bool checkProgram(const Program &program, Diagnostics &diagnostics);

/// Checks one kernel with its parameters bound, as lowering would.
bool checkKernel(const Program &program, const Definition &kernel, const Parameters &parameters,
                 Diagnostics &diagnostics);

/// The kernel called `name`, or the only one when `name` is empty. Reports what is there otherwise.
const Definition *findKernel(const Program &program, std::string_view name, Diagnostics &diagnostics);

} // namespace sage::dsl
