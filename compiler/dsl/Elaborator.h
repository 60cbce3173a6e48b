// Gives a syntax tree its meaning. One walk checks names, types, shapes and granularities, inlines functions, decides
// `when`, and hands the code of what is left to an Emitter. With parameters open both sides of a `when` are walked and
// sizes are symbols; with parameters bound only the live side is, and sizes are numbers. The walk is bounded: in depth,
// and in steps, since functions calling functions can double a program at every level.
//
// Parts: Elaborator.cpp (names, facts, kernels), ElaborateStatements.cpp, ElaborateExpressions.cpp, ElaborateTiles.cpp
// (element-wise work, shapes), ElaborateViews.cpp (extents, indices, load, store), Builtins*.cpp (functions of the
// language).
#pragma once

#include "Emitter.h"
#include "Program.h"

#include <map>
#include <set>
#include <unordered_map>

namespace sage::dsl {

class Elaborator {
public:
  Elaborator(const Program &program, Diagnostics &diagnostics, Emitter &emitter)
      : program_(program), source_(program.source()), diagnostics_(diagnostics), emitter_(&emitter) {}

  /// Parameters that are missing stay open. False when an error was reported.
  bool kernel(const Definition &kernel, const Parameters &parameters);
  /// A function on its own: its inputs are unknown, so names are checked and little else.
  bool function(const Definition &function);

  struct Symbol {
    std::string name;
    Location location;
    bool isVariable = false;
    bool isConditional = false; // usable only where one of the guards holds
    std::vector<const Expr *> guards;
    Value value;
  };

  //===- Tools of the language's functions (Builtins*.cpp)
  // A Value that is Unknown says that an error was reported; every tool takes it.

  Value fail(Location where, std::string message);
  Value fail(std::string message) { return fail(here_, std::move(message)); }
  Diagnostics::Report report(Location where, std::string message);
  /// Adds where each parameter that a text mentions got its value.
  void noteOrigins(Diagnostics::Report &report, const std::vector<std::string> &texts);
  /// True (and reported) when code is wanted for something that no target has yet.
  bool notYet(const std::string &what);
  /// The emitter, told where the program is.
  Emitter &code();
  Symbol *find(const std::string &name);
  Value checkGeneric(const ParameterDecl &decl, Value value, Location where);
  Value asVariable(Value value);
  std::string labelOf(const Expr *expr, const Value &value) const;
  /// `text`, or a short name for it when it is long.
  std::string bounded(std::string text);

  /// a op b, at compile time or run time, broadcast.
  Value combine(BinaryOp op, const Value &a, const Value &b);
  Value plus(const Value &a, int64_t b) { return combine(BinaryOp::Add, a, integerValue(literal(b))); }
  /// A number as a run-time value of the type: constants become code.
  std::optional<Value> materialize(const Value &value, const TypeName &type);
  /// The value's code in a shape that it broadcasts to.
  Handle spreadTo(const Value &value, const std::vector<Axis> &shape);
  Value apply(MathOp op, const Value &value);
  Value select(const Value &condition, const Value &yes, const Value &no);
  Value convert(const Value &value, const TypeName &type);
  Value makeTile(TypeName type, std::vector<Axis> shape, Handle handle);
  CodeType codeType(const Value &value) const;

  /// The extent of a tile along an axis of compile-time extent.
  Dim tileOf(const Dim &extent) const;
  /// From now on the tile of that extent is a multiple of so much.
  void setTileMultiple(const std::string &extent, int64_t multiple) { tileMultiple_[extent] = multiple; }
  std::optional<Index> indexBy(const Value &index, const Extent &extent, const Expr *item);
  Value load(const Value &place);
  Value groupsOf(const Value &block, const GranularityName &granularity);
  std::optional<Dim> groupCount(const Dim &rows, const GranularityName &granularity);

private:
  /// The names of one kernel or inlined function, and those that each open block declared.
  struct Frame {
    const Definition *definition = nullptr;
    std::unordered_map<std::string, Symbol *> names;
    std::vector<std::vector<std::string>> scopes;
    Value result;
  };
  using Facts = std::map<std::string, bool>;

  //===- Names, facts, errors (Elaborator.cpp)
  bool step();
  Symbol *declare(const std::string &name, Location where, Value value, bool isVariable = false);
  Value use(const Symbol &symbol, Location where);
  std::vector<std::string> visibleNames() const;
  void openScope() { frame_->scopes.emplace_back(); }
  void closeScope();
  void assume(const Expr *condition, bool holds, Facts &facts);
  std::optional<bool> known(const std::string &text) const;

  //===- Kernels and functions (Elaborator.cpp, ElaborateViews.cpp)
  Value parameterValue(const ParameterDecl &decl, const Parameters &parameters);
  void declareParameters(const Definition &definition, const Parameters &parameters);
  void declareExtents(const Definition &kernel);
  void noteExtentName(const Expr *extent, const ArgumentDecl &argument);
  void declareArguments(const Definition &kernel);
  Value viewArgument(const ArgumentDecl &argument, const TypeName &type, bool present);
  void signView(const ViewInfo &view);
  void declareGrid(const Definition &kernel);
  bool isPresent(const ArgumentDecl &argument);
  void connect(const KernelValues &values);
  void finishSignature();
  Value inlineCall(const Definition &function, const Expr &call);
  bool bindInputs(const Definition &function, const Expr &call, Frame &inner);
  bool bindGenerics(const Definition &function, const Expr &call, Frame &inner);

  //===- Statements (ElaborateStatements.cpp)
  void block(const Block &body);
  void statement(const Stmt &stmt);
  void bind(const Stmt &stmt);
  void assign(const Stmt &stmt);
  void assignTo(Symbol &symbol, Value value, Location where);
  void forLoop(const Stmt &stmt);
  void repeat(const Stmt &stmt);
  void loopBody(const Stmt &stmt, Handle count, const Value *range);
  void branch(const Stmt &stmt);
  void when(const Stmt &stmt);
  void require(const Stmt &stmt);
  std::vector<Symbol *> assigned(const Block &body, const Block &other);
  void collectAssigned(const Block &body, std::set<std::string> &names);
  void collectReferences(const Expr &call, std::set<std::string> &names);
  std::vector<Handle> handlesOf(const std::vector<Symbol *> &symbols) const;
  void setHandles(const std::vector<Symbol *> &symbols, const std::vector<Handle> &handles);

  //===- Expressions (ElaborateExpressions.cpp)
  Value eval(const Expr *expr);
  Value evalKind(const Expr &expr);
  Value evalName(const Expr &expr);
  Value evalUnary(const Expr &expr);
  Value evalBinary(const Expr &expr);
  Value evalLogical(const Expr &expr);
  Value evalChoose(const Expr &expr);
  Value evalMember(const Expr &expr);
  Value evalCast(const Expr &expr);
  Value evalIndex(const Expr &expr);
  Value evalCall(const Expr &expr);
  std::optional<TypeName> evalType(const Expr *expr);
  std::optional<Dim> evalSize(const Expr *expr, const std::string &what);
  Value withoutCode(const Expr *expr, const Expr *condition, bool holds);
  Value unify(Value yes, Value no);
  std::optional<Value> globalName(const std::string &name) const;

  //===- Element-wise work (ElaborateTiles.cpp)
  Value combineIntegers(BinaryOp op, const Dim &a, const Dim &b);
  Value combineReals(BinaryOp op, const Value &a, const Value &b);
  Value compareNames(BinaryOp op, const Value &a, const Value &b);
  std::optional<TypeName> commonType(const std::string &what, const std::vector<const Value *> &values);
  std::optional<std::vector<Axis>> commonShape(const std::string &what, const std::vector<const Value *> &values);
  Value indexTile(const Value &tile, const Expr &expr);
  CodeType codeType(const TypeName &type, const std::vector<Axis> &shape) const;

  //===- Views (ElaborateViews.cpp)
  std::optional<Extent> extent(const Expr *expr, const std::string &unnamed);
  std::optional<Extent> extentCall(const Expr &call);
  std::optional<Extent> runtimeExtent(const Expr *expr, const std::string &what);
  LaunchSize launchSize(const Extent &extent) const;
  Value indexView(Value view, const Expr &expr);
  std::optional<Index> viewIndex(const Value &view, const Expr *item);
  std::optional<std::vector<Axis>> placeShape(const Value &place);
  void store(const Stmt &stmt);
  void atomic(const Stmt &stmt);
  std::pair<std::vector<Handle>, std::vector<int64_t>> address(const Value &place);

  const Program &program_;
  const Source &source_;
  Diagnostics &diagnostics_;
  Emitter *emitter_;
  Emitter checker_; // takes over after an error: nothing more is generated
  bool bound_ = false, failed_ = false;
  Location here_;
  std::vector<Location> calls_;
  std::vector<const Definition *> active_; // definitions being elaborated, outermost first
  std::deque<Symbol> symbols_;
  std::deque<ViewInfo> views_;
  std::vector<Symbol *> extents_; // in order of appearance
  std::vector<Symbol *> scalars_;
  std::vector<std::pair<Symbol *, Extent>> grid_;
  std::map<std::string, int64_t> tileMultiple_; // the extents that an 8-bit type pads: 32
  std::map<std::string, std::string> parameterNotes_;
  std::map<std::string, std::string> abbreviations_;
  KernelSignature signature_;
  Frame *frame_ = nullptr;
  Facts facts_;
  unsigned depth_ = 0, steps_ = 0;
  bool outOfSteps_ = false;
};

} // namespace sage::dsl
