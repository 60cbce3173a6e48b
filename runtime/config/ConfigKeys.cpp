// See ConfigKeys.h. What is designed but not built (8-bit PV, f16 accumulation, bf16) is not in the table, so it is
// refused with what is allowed.
#include "runtime/config/ConfigKeys.h"

#include <bit>
#include <cmath>
#include <optional>

namespace sage {
namespace {

using nlohmann::json;

bool readInteger(std::optional<int> &target, const json &value, int low, int high, int multiple) {
  if (!value.is_number_integer() && !value.is_number_unsigned()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t(high)) return false;
  const std::int64_t number = value.get<std::int64_t>();
  if (number < low || number > high || number % multiple != 0) return false;
  target = int(number);
  return true;
}

bool readPowerOfTwo(std::optional<int> &target, const json &value, int low, int high) {
  return readInteger(target, value, low, high, 1) && std::has_single_bit(unsigned(*target));
}

bool readBool(bool &target, const json &value) {
  if (!value.is_boolean()) return false;
  target = value.get<bool>();
  return true;
}

bool isString(const json &value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string &>() == text;
}

json orNull(const std::optional<int> &value) { return value ? json(*value) : json(); }

std::vector<int> bitRange(int first, int last) {
  std::vector<int> bits;
  for (int bit = first; bit < last; ++bit) bits.push_back(bit);
  return bits;
}

int log2Exact(std::int64_t value) {
  for (int bit = 0; bit <= 8; ++bit)
    if (value == std::int64_t(1) << bit) return bit;
  return -1;
}

/// {"slab": S, "bits": [ascending, below log2 S]}
std::optional<Granularity> granularityObject(const json &value) {
  if (!value.is_object() || value.size() != 2 || !value.contains("slab") || !value.contains("bits")) return {};
  const json &slab = value["slab"], &bits = value["bits"];
  if (!slab.is_number_integer() || !bits.is_array()) return {};
  const int width = log2Exact(slab.get<std::int64_t>());
  if (width < 0) return {};
  Granularity result{1 << width, {}};
  for (const json &bit : bits) {
    if (!bit.is_number_integer()) return {};
    const std::int64_t number = bit.get<std::int64_t>();
    if (number < 0 || number >= width || (!result.bits.empty() && number <= result.bits.back())) return {};
    result.bits.push_back(int(number));
  }
  return result;
}

/// "block:SIZE" with a power of two from 16 to 256.
std::optional<Granularity> blockOf(std::string_view size) {
  for (int slab = 16; slab <= 256; slab *= 2)
    if (size == std::to_string(slab)) return Granularity{slab, {}};
  return {};
}

std::optional<Granularity> granularity(const json &value, const Granularity &block, const Granularity &thread) {
  if (!value.is_string()) return granularityObject(value);
  const std::string &text = value.get_ref<const std::string &>();
  if (text == "token") return Granularity{64, bitRange(0, 6)};
  if (text == "block") return block;
  if (text == "thread") return thread;
  if (text.starts_with("block:")) return blockOf(std::string_view(text).substr(6));
  return {};
}

bool readQueryGranularity(Config &config, const json &value) {
  // A warp owns 32 rows of a 128-row slab; inside them a thread of mma.sync and wgmma alike sees row mod 8.
  config.qGranularity =
      isString(value, "warp") ? Granularity{128, {5, 6}} : granularity(value, {128, {}}, {128, {0, 1, 2, 5, 6}});
  return config.qGranularity.has_value();
}

bool readKeyGranularity(Config &config, const json &value) {
  // The columns of an accumulator fragment: a thread sees keys 8i + 2t and 8i + 2t + 1.
  config.kGranularity = granularity(value, {64, {}}, {64, {1, 2}});
  return config.kGranularity.has_value();
}

json writeGranularity(const std::optional<Granularity> &value) { return value ? json::parse(value->json()) : json(); }

bool readScale(Config &config, const json &value) {
  if (!value.is_number()) return false;
  const double scale = value.get<double>();
  if (!std::isfinite(scale) || scale < 1e-30 || scale > 1e30) return false;
  config.scale = scale;
  return true;
}

bool readHeadDim(Config &config, const json &value) {
  return (value == 32 || value == 64 || value == 128) && readInteger(config.headDim, value, 32, 128, 32);
}

bool readName(Config &config, const json &value) {
  if (!value.is_string()) return false;
  const std::string &text = value.get_ref<const std::string &>();
  if (text.empty() || text.size() > 64) return false;
  config.name = text;
  return true;
}

bool readQk(Config &config, const json &value) {
  if (isString(value, "i8"))
    config.qk = DType::I8;
  else if (isString(value, "f16"))
    config.qk = DType::F16;
  else
    return false;
  return true;
}

bool readMask(Config &config, const json &value) {
  if (isString(value, "none"))
    config.mask = Mask::None;
  else if (isString(value, "causal"))
    config.mask = Mask::Causal;
  else
    return false;
  return true;
}

bool readOutput(Config &config, const json &value) {
  if (!isString(value, "f16")) return false;
  config.output = DType::F16;
  return true;
}

constexpr const char *queryGroups =
    "\"token\", \"thread\", \"warp\", \"block\" (128 rows), \"block:SIZE\" (16 … 256, a power of two), or {\"slab\": a "
    "power of two up to 256, \"bits\": ascending row bits below log2 slab}";
constexpr const char *keyGroups =
    "\"token\", \"thread\", \"block\" (64 rows), \"block:SIZE\" (16 … 256, a power of two), or {\"slab\": a "
    "power of two up to 256, \"bits\": ascending row bits below log2 slab}";

// clang-format off
const ConfigKey keys[] = {
    {"name", "a string of 1 to 64 characters", readName, [](const Config &c) { return json(c.name); }},
    {"head_dim", "32, 64 or 128", readHeadDim, [](const Config &c) { return orNull(c.headDim); }},
    {"qk", "\"i8\" or \"f16\"", readQk, [](const Config &c) { return json(std::string(name(c.qk))); }},
    {"pv", "\"f16\"", [](Config &c, const json &v) { c.pv = DType::F16; return isString(v, "f16"); },
     [](const Config &c) { return json(std::string(name(c.pv))); }},
    {"accumulate", "\"f32\"", [](Config &c, const json &v) { c.accumulate = "f32"; return isString(v, "f32"); },
     [](const Config &c) { return json(c.accumulate); }},
    {"accumulate_keys", "a multiple of 16 from 16 to 64",
     [](Config &c, const json &v) { return readInteger(c.accumulateKeys, v, 16, 64, 16); },
     [](const Config &c) { return orNull(c.accumulateKeys); }},
    {"smooth_k", "true or false", [](Config &c, const json &v) { return readBool(c.smoothK, v); },
     [](const Config &c) { return json(c.smoothK); }},
    {"q_granularity", queryGroups, readQueryGranularity,
     [](const Config &c) { return writeGranularity(c.qGranularity); }},
    {"k_granularity", keyGroups, readKeyGranularity,
     [](const Config &c) { return writeGranularity(c.kGranularity); }},
    {"mask", "\"none\" or \"causal\"", readMask,
     [](const Config &c) { return json(c.mask == Mask::Causal ? "causal" : "none"); }},
    {"lse", "true or false", [](Config &c, const json &v) { return readBool(c.lse, v); },
     [](const Config &c) { return json(c.lse); }},
    {"output", "\"f16\"", readOutput, [](const Config &c) { return c.output ? json("f16") : json(); }},
    {"scale", "a number from 1e-30 to 1e30", readScale,
     [](const Config &c) { return c.scale ? json(*c.scale) : json(); }},
    {"schedule.block_q", "a multiple of 16 from 16 to 256",
     [](Config &c, const json &v) { return readInteger(c.schedule.blockQ, v, 16, 256, 16); },
     [](const Config &c) { return orNull(c.schedule.blockQ); }},
    {"schedule.block_k", "a multiple of 16 from 16 to 256",
     [](Config &c, const json &v) { return readInteger(c.schedule.blockK, v, 16, 256, 16); },
     [](const Config &c) { return orNull(c.schedule.blockK); }},
    {"schedule.block_n", "16, 32, 64, 128 or 256",
     [](Config &c, const json &v) { return readPowerOfTwo(c.schedule.blockN, v, 16, 256); },
     [](const Config &c) { return orNull(c.schedule.blockN); }},
    {"schedule.warps", "1, 2, 4, 8 or 16",
     [](Config &c, const json &v) { return readPowerOfTwo(c.schedule.warps, v, 1, 16); },
     [](const Config &c) { return orNull(c.schedule.warps); }},
    {"schedule.stages", "an integer from 1 to 8",
     [](Config &c, const json &v) { return readInteger(c.schedule.stages, v, 1, 8, 1); },
     [](const Config &c) { return orNull(c.schedule.stages); }},
    {"schedule.q_in_registers", "true or false",
     [](Config &c, const json &v) {
       bool value = false;
       if (!readBool(value, v)) return false;
       c.schedule.qInRegisters = value;
       return true;
     },
     [](const Config &c) { return c.schedule.qInRegisters ? json(*c.schedule.qInRegisters) : json(); }},
};
// clang-format on

} // namespace

std::span<const ConfigKey> configKeys() { return keys; }

const ConfigKey *findConfigKey(std::string_view path) {
  for (const ConfigKey &key : keys)
    if (key.path == path) return &key;
  return nullptr;
}

std::vector<std::string> configKeyNames() {
  std::vector<std::string> names;
  for (const ConfigKey &key : keys) names.emplace_back(key.path);
  return names;
}

std::string notAllowed(const ConfigKey &key, const json &value) {
  std::string shown = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (shown.size() > 80) shown = shown.substr(0, 77) + "...";
  return std::string(key.path) + ": " + shown + " is not allowed; allowed: " + key.allowed;
}

} // namespace sage
