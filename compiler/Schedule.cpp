// Default schedules and their overrides.
#include "Schedule.h"

#include <bit>
#include <nlohmann/json.hpp>

namespace sage {

using nlohmann::json;

Schedule defaultSchedule(const Target &, const KernelTraits &traits) {
  Schedule schedule;
  if (traits.attention) {
    schedule.blockQ = 128;
    schedule.blockK = 64;
    // A warp holds rows/warps x D f32 of output and rows/warps x BK of scores: 32 rows at D 128 leave no registers for
    // the operands.
    schedule.warps = traits.headDim > 64 ? 8 : 4;
    schedule.queriesInRegisters = traits.headDim * traits.elementBits <= 64 * 16;
  } else {
    // Few elements a thread: these kernels live on loads in flight, and on sm_120a ptxas spills around its division
    // call otherwise.
    schedule.blockN = 64;
    schedule.warps = 8;
  }
  return schedule;
}

namespace {

struct Key {
  const char *name;
  int64_t Schedule::*field;
  int64_t low, high;
  const char *allowed;
  bool (*fits)(int64_t);
};

bool isPowerOfTwo(int64_t value) { return std::has_single_bit(uint64_t(value)); }
bool isMultipleOf16(int64_t value) { return value % 16 == 0; }
bool any(int64_t) { return true; }

constexpr Key keys[] = {
    {"block_q", &Schedule::blockQ, 16, 256, "a multiple of 16 from 16 to 256", isMultipleOf16},
    {"block_k", &Schedule::blockK, 16, 256, "a multiple of 16 from 16 to 256", isMultipleOf16},
    {"block_n", &Schedule::blockN, 16, 256, "a power of two from 16 to 256", isPowerOfTwo},
    {"warps", &Schedule::warps, 1, 16, "1, 2, 4, 8 or 16", isPowerOfTwo},
    {"stages", &Schedule::stages, 1, 8, "an integer from 1 to 8", any},
};

} // namespace

std::optional<std::string> overrideSchedule(Schedule &schedule, const json &given) {
  if (!given.is_object()) return "schedule must be an object";
  for (auto &[name, value] : given.items()) {
    if (name == "q_in_registers") {
      if (!value.is_boolean()) return "schedule." + name + " must be true or false";
      schedule.queriesInRegisters = value.get<bool>();
      continue;
    }
    const Key *key = nullptr;
    for (const Key &candidate : keys)
      if (name == candidate.name) key = &candidate;
    if (!key)
      return "unknown key schedule." + name + "; known are block_q, block_k, block_n, warps, stages, q_in_registers";
    if (!value.is_number_integer() || value.get<int64_t>() < key->low || value.get<int64_t>() > key->high ||
        !key->fits(value.get<int64_t>()))
      return "schedule." + name + " must be " + key->allowed + ", not " + value.dump();
    schedule.*key->field = value.get<int64_t>();
  }
  return std::nullopt;
}

json toJson(const Schedule &schedule, const KernelTraits &traits) {
  json result = {{"warps", schedule.warps}, {"stages", schedule.stages}};
  if (traits.attention) {
    result["block_q"] = schedule.blockQ;
    result["block_k"] = schedule.blockK;
    result["q_in_registers"] = schedule.queriesInRegisters;
  } else {
    result["block_n"] = schedule.blockN;
  }
  return result;
}

} // namespace sage
