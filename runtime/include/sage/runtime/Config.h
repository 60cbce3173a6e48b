// A config says what attention computes: types, quantisation granularity, smoothing, mask. It is strictly checked JSON:
//
//   {"name": "mine", "qk": "i8", "smooth_k": true, "q_granularity": "warp", "mask": "causal", "schedule": {"warps": 4}}
//
// The keys and what each allows are listed in configs/schema.json. An unknown key, a wrong type or a value out of
// range is an error with file:line:column, a caret, the key, and what is allowed. Nothing here touches a device.
#pragma once

#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"
#include "sage/runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

/// The scale group of a row, as bits of its number: rows come in slabs (a power of two), and inside a slab the chosen
/// bits select the group.
///   per block of 64: {64, {}}     per token: {64, {0, 1, 2, 3, 4, 5}}     Q per thread: {128, {0, 1, 2, 5, 6}}
struct SAGE_API Granularity {
  int slab = 64;
  std::vector<int> bits;

  std::int64_t groupsPerSlab() const { return std::int64_t(1) << bits.size(); }
  /// How many groups (and scales) `rows` rows have: ⌈rows / slab⌉ · 2^bits.
  std::int64_t groups(std::int64_t rows) const { return (rows + slab - 1) / slab * groupsPerSlab(); }
  /// The group that holds `row`.
  std::int64_t groupOf(std::int64_t row) const;
  /// {"slab":64,"bits":[1,2]}
  std::string json() const;
  bool operator==(const Granularity &) const = default;
};

enum class Mask { None, Causal };

/// How a kernel is to be laid on the machine. What is not set is chosen by the compiler for the arch.
struct SAGE_API Schedule {
  std::optional<int> blockQ, blockK, blockN, warps, stages;
  std::optional<bool> qInRegisters; ///< keep the queries' fragments in registers for the whole loop over keys
  std::string json() const;
};

struct SAGE_API Config {
  std::string name;
  std::optional<int> headDim;              ///< from the tensors where it is left out
  DType qk = DType::I8;                    ///< i8 or f16: the type of Q and K in the first product
  DType pv = DType::F16;                   ///< f16
  std::string accumulate = "f32";          ///< of the second product
  std::optional<int> accumulateKeys;       ///< only of an f16 accumulation
  bool smoothK = false;                    ///< subtract the mean of K over its tokens first; i8 only
  std::optional<Granularity> qGranularity; ///< i8 only; per block of 128 rows where it is left out
  std::optional<Granularity> kGranularity; ///< i8 only; per block of 64 rows where it is left out
  Mask mask = Mask::None;
  bool lse = false;            ///< also write the log-sum-exp (natural log, f32)
  std::optional<DType> output; ///< f16; the input's where it is left out
  std::optional<double> scale; ///< softmax scale, finite and > 0; 1/√head_dim where it is left out
  Schedule schedule;

  /// From JSON text; `file` is named in errors.
  static Result<Config> parse(std::string_view text, const std::string &file);
  /// A shipped name ("sage-b") or the path of a JSON file. `directory` holds configs that replace embedded ones;
  /// empty: SAGEC_CONFIGS.
  static Result<Config> load(const std::string &nameOrPath, const std::string &directory = {});

  /// One "key=value"; "schedule.block_k=64" reaches the schedule. Values are JSON, or a bare word for a string.
  /// The relations between keys are checked by validate(), so that several may be set in any order.
  Status set(std::string_view assignment);
  /// What one key alone cannot tell, e.g. smooth_k with 16-bit Q and K. Plans call it too.
  Status validate() const;
  /// All keys, as parse() takes them.
  std::string json() const;
  /// The softmax scale for this head dim.
  double softmaxScale(std::int64_t dim) const;
  /// The groups of Q and K as they are used.
  Granularity queryGranularity() const { return qGranularity.value_or(Granularity{128, {}}); }
  Granularity keyGranularity() const { return kGranularity.value_or(Granularity{64, {}}); }
};

/// The names of the shipped configs.
SAGE_API std::vector<std::string> shippedConfigs();

} // namespace sage
