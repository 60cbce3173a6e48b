// The compile-time parameters of a kernel: their kinds, their values, and how a request's JSON (docs/artifact.md) binds
// them. Everything that can be wrong with a value is said here, with the config key that sets it; later stages meet
// only sound values.
#pragma once

#include "Ast.h"
#include "DataType.h"
#include "Diagnostics.h"

#include <map>
#include <nlohmann/json_fwd.hpp>

namespace sage::dsl {

class Program;

std::optional<ParameterKind> parameterKindNamed(std::string_view name);
const std::vector<std::string> &parameterKindNames();
const char *nameOf(ParameterKind kind);
/// The values of an enumerated kind (mask_kind, accumulation, order); empty for others.
const std::vector<std::string> &enumerators(ParameterKind kind);

/// One value; which field counts is said by `kind`.
struct ParameterValue {
  ParameterKind kind = ParameterKind::Integer;
  int64_t integer = 0;           // Integer
  bool truth = false;            // Truth
  DataType type = DataType::F32; // DataType
  Granularity granularity;       // Granularity
  std::string name;              // Mask, Accumulation, Order
};

/// "64", "i8", "slab 128, bits 5 6", "causal": for messages.
std::string describe(const ParameterValue &value);

/// The largest value of an integer parameter: far above any tile, small enough that no product of a few overflows.
constexpr int64_t LargestParameter = int64_t(1) << 20;

/// A kernel's parameters, by name. An empty one leaves every parameter open: generic checking.
using Parameters = std::map<std::string, ParameterValue>;

/// The config key that usually sets a parameter ("head_dim" for D), or "" when there is no convention for the name.
std::string configKey(std::string_view parameter);

/// Binds every parameter of `kernel`. `values` is the request's "parameters" object; `defaults` gives integers for
/// those left out (BQ, BK and BN from the schedule). Reports unknown names, values of the wrong kind, and all unbound
/// ones in one message; nothing is returned then.
std::optional<Parameters> bindParameters(const Program &program, const Definition &kernel, const nlohmann::json &values,
                                         const std::map<std::string, int64_t> &defaults, Diagnostics &diagnostics);

/// The inverse: the object that goes into an artifact's metadata.
nlohmann::json toJson(const Parameters &parameters);

} // namespace sage::dsl
