// Names, facts and the frame of a kernel or function (Elaborator.h).
#include "Elaborator.h"

#include "Builtins.h"
#include "Names.h"

#include <algorithm>

namespace sage::dsl {
namespace {

// Functions are inlined, so a page of text can ask for any amount of work; no real kernel comes near this.
constexpr unsigned MaxSteps = 200000;
constexpr size_t MaxCalls = 16;
// Longer texts of symbolic sizes are numbered: doubling a size twenty times must not double its text as often.
constexpr size_t LongestText = 96;

bool mentions(std::string_view text, std::string_view word) {
  auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    bool left = at == 0 || !part(text[at - 1]),
         right = at + word.size() == text.size() || !part(text[at + word.size()]);
    if (left && right)
      return true;
  }
  return false;
}

} // namespace

KernelValues Emitter::beginKernel(const KernelSignature &signature) {
  return {std::vector<Handle>(signature.views.size()), std::vector<Handle>(signature.extents.size()),
          std::vector<Handle>(signature.scalars.size()), std::vector<Handle>(signature.grid.size())};
}

//===- Errors --------------------------------------------------------------------------------===//

Diagnostics::Report Elaborator::report(Location where, std::string message) {
  failed_ = true;
  emitter_ = &checker_;
  auto report = diagnostics_.error(source_, where, std::move(message));
  for (size_t i = calls_.size(); i-- > 0;)
    report.note(source_, calls_[i], "in this call of '" + active_[i + 1]->name + "'");
  return report;
}

Value Elaborator::fail(Location where, std::string message) {
  report(where, std::move(message));
  return {};
}

// "BQ = 128 is given by the config key schedule.block_q", for each parameter that a text mentions.
void Elaborator::noteOrigins(Diagnostics::Report &report, const std::vector<std::string> &texts) {
  if (active_.empty())
    return;
  for (const ParameterDecl &decl : active_.front()->parameters)
    for (const std::string &text : texts)
      if (auto note = parameterNotes_.find(decl.name); note != parameterNotes_.end() && mentions(text, decl.name)) {
        report.note(source_, decl.location, note->second);
        break;
      }
}

bool Elaborator::notYet(const std::string &what) {
  if (!emitter_->generates())
    return false;
  fail(what + " cannot be compiled yet: no target has it");
  return true;
}

bool Elaborator::step() {
  if (++steps_ <= MaxSteps)
    return !diagnostics_.full();
  if (!outOfSteps_)
    fail("this program is too large once its functions are inlined");
  outOfSteps_ = true;
  return false;
}

Emitter &Elaborator::code() {
  emitter_->at(here_, calls_);
  return *emitter_;
}

std::string Elaborator::bounded(std::string text) {
  if (text.size() <= LongestText)
    return text;
  auto [entry, isNew] = abbreviations_.try_emplace(std::move(text), "");
  if (isNew)
    entry->second = "(...)#" + std::to_string(abbreviations_.size());
  return entry->second;
}

//===- Names ---------------------------------------------------------------------------------===//

Elaborator::Symbol *Elaborator::declare(const std::string &name, Location where, Value value, bool isVariable) {
  if (name == "_") {
    fail(where, "'_' is a new axis in an index, not a name");
  } else if (auto existing = frame_->names.find(name); existing != frame_->names.end()) {
    report(where, "'" + printable(name, 40) + "' is already declared")
        .note(source_, existing->second->location, "here");
  } else if (globalName(name) || isBuiltin(name) || program_.find(name, false)) {
    fail(where,
         "'" + printable(name, 40) + "' already means something in the language or this program: choose another name");
  }
  Symbol &symbol = symbols_.emplace_back();
  symbol.name = name;
  symbol.location = where;
  symbol.isVariable = isVariable;
  symbol.value = std::move(value);
  if (frame_->names.try_emplace(name, &symbol).second)
    frame_->scopes.back().push_back(name);
  return &symbol;
}

void Elaborator::closeScope() {
  for (const std::string &name : frame_->scopes.back())
    frame_->names.erase(name);
  frame_->scopes.pop_back();
}

Elaborator::Symbol *Elaborator::find(const std::string &name) {
  auto found = frame_->names.find(name);
  return found == frame_->names.end() ? nullptr : found->second;
}

std::vector<std::string> Elaborator::visibleNames() const {
  std::vector<std::string> names;
  for (const auto &[name, symbol] : frame_->names)
    names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

// The value of a name, if the conditions under which it was declared are known to hold here.
Value Elaborator::use(const Symbol &symbol, Location where) {
  if (!symbol.isConditional)
    return symbol.value;
  std::string conditions;
  for (const Expr *guard : symbol.guards) {
    Value condition = eval(guard);
    if (condition.isUnknown() || condition.truth == true)
      return symbol.value;
    conditions += (conditions.empty() ? "" : " or ") + condition.text;
  }
  report(where, "'" + symbol.name + "' exists only when " + conditions + ", which is not known to hold here")
      .note(source_, symbol.location, "declared here; use it inside 'when " + conditions + " { ... }'");
  return {};
}

//===- Facts ---------------------------------------------------------------------------------===//

std::optional<bool> Elaborator::known(const std::string &text) const {
  auto found = facts_.find(text);
  return found == facts_.end() ? std::nullopt : std::optional(found->second);
}

// What follows when a compile-time condition is known to hold, or not to.
void Elaborator::assume(const Expr *condition, bool holds, Facts &facts) {
  Value value = eval(condition);
  if (!value.is(Value::Kind::Truth) || value.truth)
    return;
  facts[value.text] = holds;
  if (condition->kind == Expr::Kind::Unary && condition->unary == UnaryOp::Not)
    return assume(condition->args[0], !holds, facts);
  bool splits = condition->kind == Expr::Kind::Binary && condition->binary == (holds ? BinaryOp::And : BinaryOp::Or);
  if (splits)
    for (const Expr *part : condition->args)
      assume(part, holds, facts);
}

//===- Kernels -------------------------------------------------------------------------------===//

Value Elaborator::parameterValue(const ParameterDecl &decl, const Parameters &parameters) {
  auto found = parameters.find(decl.name);
  const ParameterValue *bound = found == parameters.end() ? nullptr : &found->second;
  std::string key = configKey(decl.name);
  if (decl.kind == ParameterKind::Integer || bound)
    parameterNotes_[decl.name] = bound ? decl.name + " = " + describe(*bound) + " is a parameter of the kernel" +
                                             (key.empty() ? "" : " (config key " + key + ")")
                                       : decl.name + " is a parameter: this must hold for all its values";
  Value value;
  switch (decl.kind) {
  case ParameterKind::Integer:
    return integerValue({decl.name, bound ? std::optional(bound->integer) : std::nullopt, "", nullptr});
  case ParameterKind::DataType:
    return typeValue({decl.name, bound ? std::optional(bound->type) : std::nullopt});
  case ParameterKind::Truth:
    return truthValue(decl.name, bound ? std::optional(bound->truth) : std::nullopt);
  case ParameterKind::Granularity:
    value.kind = Value::Kind::Granularity;
    value.granularity = {decl.name, bound ? std::optional(bound->granularity) : std::nullopt};
    return value;
  default:
    value.kind = Value::Kind::Text;
    value.text = decl.name;
    value.name = bound ? bound->name : "";
    return value;
  }
}

void Elaborator::declareParameters(const Definition &definition, const Parameters &parameters) {
  for (const ParameterDecl &decl : definition.parameters)
    declare(decl.name, decl.location, parameterValue(decl, parameters));
}

bool Elaborator::kernel(const Definition &kernel, const Parameters &parameters) {
  Frame frame;
  frame.definition = &kernel;
  frame_ = &frame;
  active_ = {&kernel};
  here_ = kernel.location;
  bound_ = parameters.size() == kernel.parameters.size();
  signature_.name = kernel.name;
  openScope();
  Emitter *target = std::exchange(emitter_, &checker_); // no code before the signature is known
  declareParameters(kernel, parameters);
  declareExtents(kernel);
  declareArguments(kernel);
  declareGrid(kernel);
  if (bound_ && !failed_) {
    emitter_ = target;
    connect(code().beginKernel(signature_));
  }
  block(kernel.body);
  finishSignature();
  closeScope();
  return !failed_;
}

// Which views are written is known once the body has been walked.
void Elaborator::finishSignature() {
  for (const ViewInfo &view : views_)
    if (bound_ && view.loaded && view.stored)
      fail(view.decl->location, "'" + view.decl->name + "' is both read and written: a view is one or the other");
  size_t next = 0;
  for (const ViewInfo &view : views_)
    if (bound_ && next < signature_.views.size() && signature_.views[next].name == view.decl->name)
      signature_.views[next++].writable = view.stored;
  here_ = active_.front()->end;
  if (bound_ && !failed_)
    code().endKernel(signature_);
}

//===- Functions -----------------------------------------------------------------------------===//

bool Elaborator::function(const Definition &function) {
  Frame frame;
  frame.definition = &function;
  frame_ = &frame;
  active_ = {&function};
  here_ = function.location;
  openScope();
  declareParameters(function, {});
  for (const FunctionArgument &input : function.inputs)
    declare(input.name, input.location, {}, input.kind == FunctionArgument::Kind::Ref);
  block(function.body);
  closeScope();
  return !failed_;
}

Value Elaborator::inlineCall(const Definition &function, const Expr &call) {
  if (std::find(active_.begin(), active_.end(), &function) != active_.end())
    return fail(call.at, "'" + function.name + "' calls itself: functions are inlined, so they cannot recurse");
  if (active_.size() > MaxCalls)
    return fail(call.at, "calls are nested too deeply: at most " + std::to_string(MaxCalls) + " levels are allowed");
  Frame inner, *outer = frame_;
  inner.definition = &function;
  inner.scopes.emplace_back();
  if (!bindGenerics(function, call, inner) || !bindInputs(function, call, inner))
    return {};
  Location saved = here_;
  calls_.push_back(call.at);
  active_.push_back(&function);
  frame_ = &inner;
  block(function.body);
  frame_ = outer;
  active_.pop_back();
  calls_.pop_back();
  here_ = saved;
  return inner.result;
}

Value Elaborator::checkGeneric(const ParameterDecl &decl, Value value, Location where) {
  using Kind = Value::Kind;
  bool accumulation = decl.kind == ParameterKind::Accumulation;
  if (accumulation && value.is(Kind::Type) && value.type.value) { // f32 names a type and an accumulation
    value.kind = Kind::Text;
    value.name = describe(value.type);
    value.text = "";
  }
  bool fits = decl.kind == ParameterKind::Integer       ? value.is(Kind::Integer)
              : decl.kind == ParameterKind::DataType    ? value.is(Kind::Type)
              : decl.kind == ParameterKind::Truth       ? value.is(Kind::Truth)
              : decl.kind == ParameterKind::Granularity ? value.is(Kind::Granularity)
                                                        : value.is(Kind::Text);
  if (!value.isUnknown() && !fits)
    return fail(where, "'" + decl.name + "' must be of kind " + nameOf(decl.kind) + ", not " + describe(value));
  const std::vector<std::string> &names = enumerators(decl.kind);
  if (!names.empty() && !value.name.empty() && std::find(names.begin(), names.end(), value.name) == names.end())
    return fail(where,
                "'" + value.name + "' is not a value of " + nameOf(decl.kind) + " (known: " + joinNames(names) + ")");
  return value;
}

bool Elaborator::bindGenerics(const Definition &function, const Expr &call, Frame &inner) {
  if (call.generics.size() != function.parameters.size()) {
    report(call.at, "'" + function.name + "' takes " + std::to_string(function.parameters.size()) +
                        " compile-time arguments, " + std::to_string(call.generics.size()) + " are given")
        .note(source_, function.location, "declared here");
    return false;
  }
  for (size_t i = 0; i < call.generics.size(); ++i) {
    const ParameterDecl &decl = function.parameters[i];
    Value value = checkGeneric(decl, eval(call.generics[i]), call.generics[i]->location);
    Frame *outer = std::exchange(frame_, &inner);
    declare(decl.name, decl.location, std::move(value));
    frame_ = outer;
  }
  return true;
}

bool Elaborator::bindInputs(const Definition &function, const Expr &call, Frame &inner) {
  using Input = FunctionArgument::Kind;
  if (call.args.size() != function.inputs.size() || !call.named.empty()) {
    report(call.at, "'" + function.name + "' takes " + std::to_string(function.inputs.size()) + " inputs, " +
                        std::to_string(call.args.size()) + " are given")
        .note(source_, function.location, "declared here");
    return false;
  }
  for (size_t i = 0; i < call.args.size(); ++i) {
    const FunctionArgument &input = function.inputs[i];
    const Expr *arg = call.args[i];
    if (input.kind == Input::Ref) {
      Symbol *variable = arg->kind == Expr::Kind::Name ? find(arg->text) : nullptr;
      if (!variable || !variable->isVariable) {
        report(arg->location, "'" + input.name + "' is a 'ref' input: it needs a variable")
            .note(source_, input.location, "declared here");
        return false;
      }
      inner.names[input.name] = variable;
      inner.scopes.back().push_back(input.name);
      continue;
    }
    Value value = eval(arg);
    bool fits = value.isUnknown() || input.kind == Input::Any ||
                (input.kind == Input::Tile && value.is(Value::Kind::Tile)) ||
                (input.kind == Input::Scalar && (value.is(Value::Kind::Scalar) || value.isConstant())) ||
                (input.kind == Input::View && value.is(Value::Kind::View)) ||
                (input.kind == Input::Block && value.is(Value::Kind::Block));
    if (!fits) {
      report(arg->location, "'" + input.name + "' of '" + function.name + "' cannot be " + describe(value))
          .note(source_, input.location, "declared here");
      return false;
    }
    Frame *outer = std::exchange(frame_, &inner);
    declare(input.name, input.location, std::move(value));
    frame_ = outer;
  }
  return true;
}

} // namespace sage::dsl
