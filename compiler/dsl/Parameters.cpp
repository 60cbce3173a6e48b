// Binding parameters from JSON (Parameters.h).
#include "Parameters.h"

#include "Names.h"
#include "Program.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

namespace sage::dsl {
namespace {

using Json = nlohmann::json;

const char *const KindNames[] = {"int", "dtype", "bool", "granularity", "mask_kind", "accumulation", "order"};

// Names that the shipped programs share, and what sets them in a config.
const std::map<std::string, std::string, std::less<>> ConfigKeys = {
    {"D", "head_dim"},
    {"DV", "head_dim"},
    {"BQ", "schedule.block_q"},
    {"BK", "schedule.block_k"},
    {"BN", "schedule.block_n"},
    {"QK", "qk"},
    {"GQ", "q_granularity"},
    {"GK", "k_granularity"},
    {"G", "q_granularity or k_granularity"},
    {"P", "pv"},
    {"ACC", "accumulate"},
    {"OUT", "output"},
    {"mask", "mask"},
    {"lse", "lse"},
    {"smooth", "smooth_k"},
};

// What a value of the kind looks like in JSON.
std::string expected(ParameterKind kind) {
  switch (kind) {
  case ParameterKind::Integer:
    return "an integer from 1 to " + std::to_string(LargestParameter);
  case ParameterKind::DataType:
    return "one of " + joinNames(dataTypeNames());
  case ParameterKind::Truth:
    return "true or false";
  case ParameterKind::Granularity:
    return "{\"slab\": S, \"bits\": [b, ...]} or {\"whole\": true}";
  default:
    return "one of " + joinNames(enumerators(kind));
  }
}

// The value cut to a length that fits a message, whatever bytes it holds.
std::string shown(const Json &value) {
  return printable(value.dump(-1, ' ', true, Json::error_handler_t::replace), 40);
}

// A number as JSON or as text: `--set D=64` may hand either on.
std::optional<int64_t> integerIn(const Json &value, int64_t lowest, int64_t highest) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(highest)))
    return std::nullopt;
  int64_t number = value.get<int64_t>();
  return number >= lowest && number <= highest ? std::optional(number) : std::nullopt;
}

// Empty when sound, else what is wrong.
std::string readGranularity(const Json &value, Granularity &out) {
  if (!value.is_object())
    return "must be " + expected(ParameterKind::Granularity) + ", not " + shown(value);
  for (const auto &[key, entry] : value.items())
    if (key != "slab" && key != "bits" && key != "whole")
      return "has the unknown key '" + printable(key, 40) + "' (known: slab, bits and whole)";
  if (value.contains("whole") && !value["whole"].is_boolean())
    return "needs true or false for 'whole', not " + shown(value["whole"]);
  out.whole = value.value("whole", false);
  if (out.whole)
    return value.size() == 1 ? "" : "is whole: slab and bits have no meaning then";
  std::optional<int64_t> slab = value.contains("slab") ? integerIn(value["slab"], 1, 4096) : std::nullopt;
  if (!slab || !std::has_single_bit(static_cast<uint64_t>(*slab)))
    return "needs a 'slab', a power of two up to 4096" +
           (value.contains("slab") ? ", not " + shown(value["slab"]) : std::string());
  out.slab = *slab;
  Json bits = value.value("bits", Json::array());
  if (!bits.is_array())
    return "needs a list of row bits in 'bits', not " + shown(bits);
  for (const Json &entry : bits) {
    std::optional<int64_t> bit = integerIn(entry, 0, std::bit_width(static_cast<uint64_t>(*slab)) - 2);
    if (!bit || (!out.bits.empty() && *bit <= out.bits.back()))
      return "needs ascending row bits inside a slab of " + std::to_string(*slab) + " in 'bits', not " + shown(bits);
    out.bits.push_back(*bit);
  }
  return "";
}

std::string readEnumerator(const Json &value, ParameterKind kind, std::string &out) {
  const std::vector<std::string> known = kind == ParameterKind::DataType ? dataTypeNames() : enumerators(kind);
  if (!value.is_string() ||
      std::find(known.begin(), known.end(), value.get_ref<const std::string &>()) == known.end()) {
    std::string hint = value.is_string() ? suggestion(value.get_ref<const std::string &>(), known) : "";
    return "must be " + expected(kind) + ", not " + shown(value) + hint;
  }
  out = value.get<std::string>();
  return "";
}

std::string readValue(const Json &value, ParameterValue &out) {
  switch (out.kind) {
  case ParameterKind::Integer: {
    std::optional<int64_t> number = integerIn(value, 1, LargestParameter);
    out.integer = number.value_or(0);
    return number ? "" : "must be " + expected(out.kind) + ", not " + shown(value);
  }
  case ParameterKind::Truth:
    if (!value.is_boolean())
      return "must be true or false, not " + shown(value);
    out.truth = value.get<bool>();
    return "";
  case ParameterKind::Granularity:
    return readGranularity(value, out.granularity);
  default: {
    std::string wrong = readEnumerator(value, out.kind, out.name);
    if (wrong.empty() && out.kind == ParameterKind::DataType)
      out.type = *dataTypeNamed(out.name);
    return wrong;
  }
  }
}

std::string withKey(const std::string &parameter) {
  std::string key = configKey(parameter);
  return key.empty() ? parameter : parameter + " (config key " + key + ")";
}

bool namesAreKnown(const Definition &kernel, const Json &values, Diagnostics &diagnostics) {
  bool sound = true;
  std::vector<std::string> known;
  for (const ParameterDecl &decl : kernel.parameters)
    known.push_back(decl.name);
  for (const auto &[name, value] : values.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end())
      continue;
    sound = false;
    diagnostics.error("kernel '" + printable(kernel.name, 40) + "' has no parameter '" + printable(name, 40) + "'" +
                      suggestion(name, known) +
                      (known.empty() ? " (it has none)" : " (it has " + joinNames(known) + ")"));
  }
  return sound;
}

// One error for all, with a note on what each may be.
void reportUnbound(const Program &program, const Definition &kernel, const std::vector<const ParameterDecl *> &unbound,
                   Diagnostics &diagnostics) {
  std::vector<std::string> names;
  for (const ParameterDecl *decl : unbound)
    names.push_back(decl->name);
  std::string message = "kernel '" + printable(kernel.name, 40) + "': no value for the parameter" +
                        (names.size() > 1 ? "s " : " ") + joinNames(names);
  auto report = diagnostics.error(program.source(), kernel.location, std::move(message));
  for (const ParameterDecl *decl : unbound)
    report.note(program.source(), decl->location, withKey(decl->name) + " must be " + expected(decl->kind));
}

} // namespace

std::optional<ParameterKind> parameterKindNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(KindNames); ++i)
    if (name == KindNames[i])
      return static_cast<ParameterKind>(i);
  return std::nullopt;
}

const std::vector<std::string> &parameterKindNames() {
  static const std::vector<std::string> names(std::begin(KindNames), std::end(KindNames));
  return names;
}

const char *nameOf(ParameterKind kind) { return KindNames[static_cast<size_t>(kind)]; }

const std::vector<std::string> &enumerators(ParameterKind kind) {
  static const std::vector<std::string> masks = {"none", "causal", "causal_top_left"}, orders = {"row_major", "mma8"},
                                        accumulations = {"f32", "f32+f32", "f32+f16", "f32+s32"}, nothing;
  return kind == ParameterKind::Mask           ? masks
         : kind == ParameterKind::Accumulation ? accumulations
         : kind == ParameterKind::Order        ? orders
                                               : nothing;
}

std::string describe(const ParameterValue &value) {
  switch (value.kind) {
  case ParameterKind::Integer:
    return std::to_string(value.integer);
  case ParameterKind::DataType:
    return nameOf(value.type);
  case ParameterKind::Truth:
    return value.truth ? "true" : "false";
  case ParameterKind::Granularity: {
    if (value.granularity.whole)
      return "whole";
    std::string text = "slab " + std::to_string(value.granularity.slab) + ", bits";
    for (int64_t bit : value.granularity.bits)
      text += " " + std::to_string(bit);
    return value.granularity.bits.empty() ? text + " none" : text;
  }
  default:
    return value.name;
  }
}

std::string configKey(std::string_view parameter) {
  auto found = ConfigKeys.find(parameter);
  return found == ConfigKeys.end() ? "" : found->second;
}

std::optional<Parameters> bindParameters(const Program &program, const Definition &kernel, const Json &values,
                                         const std::map<std::string, int64_t> &defaults, Diagnostics &diagnostics) {
  if (!values.is_object() && !values.is_null()) {
    diagnostics.error("the parameters must be an object of names and values, not " + shown(values));
    return std::nullopt;
  }
  bool sound = namesAreKnown(kernel, values, diagnostics);
  Parameters bound;
  std::vector<const ParameterDecl *> unbound;
  for (const ParameterDecl &decl : kernel.parameters) {
    auto fallback = defaults.find(decl.name);
    bool given = values.is_object() && values.contains(decl.name);
    if (!given && (fallback == defaults.end() || decl.kind != ParameterKind::Integer)) {
      unbound.push_back(&decl);
      continue;
    }
    ParameterValue &value = bound[decl.name];
    value.kind = decl.kind;
    std::string wrong = readValue(given ? values[decl.name] : Json(fallback->second), value);
    sound &= wrong.empty();
    if (!wrong.empty())
      diagnostics.error(program.source(), decl.location,
                        "parameter " + withKey(printable(decl.name, 40)) + " " + wrong);
  }
  if (!unbound.empty())
    reportUnbound(program, kernel, unbound, diagnostics);
  return sound && unbound.empty() ? std::optional(std::move(bound)) : std::nullopt;
}

Json toJson(const Parameters &parameters) {
  Json out = Json::object();
  for (const auto &[name, value] : parameters)
    switch (value.kind) {
    case ParameterKind::Integer:
      out[name] = value.integer;
      break;
    case ParameterKind::Truth:
      out[name] = value.truth;
      break;
    case ParameterKind::Granularity:
      if (value.granularity.whole)
        out[name] = {{"whole", true}};
      else
        out[name] = {{"slab", value.granularity.slab}, {"bits", value.granularity.bits}};
      break;
    default:
      out[name] = describe(value);
    }
  return out;
}

} // namespace sage::dsl
