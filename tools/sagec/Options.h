// What a command line asked for, as plain values: filled by CommandLine.cpp, read by the commands. No CLI11 here.
#pragma once

#include "sage/runtime/Device.h"
#include "sage/runtime/Tensor.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sage::cli {

enum class Format { Text, Json };

// Options that several commands take. Empty strings mean: the environment's choice, then the default.
struct CommonOptions {
  Format format = Format::Text;
  DriverPaths drivers;
  std::string compiler, kernels, configs;
};

struct RunOptions : CommonOptions {
  std::string config;
  std::vector<std::string> sets; // key=value
  std::string input, output;
  std::string q = "q", k = "k", v = "v";        // names of tensors in `input`
  std::optional<std::array<int64_t, 4>> random; // B, H, N, D
  uint64_t seed = 0;
  TensorLayout layout = TensorLayout::Hnd;
  bool causal = false, check = false, counters = false;
  std::string device, arch, dumpStages;
};

struct EmitOptions : CommonOptions {
  std::string source; // a config, or a path that ends in .tile
  std::vector<std::string> sets;
  std::string arch, kernel, output, stage = "ptx", dumpStages;
  bool timePasses = false;
};

struct DevicesOptions : CommonOptions {};

} // namespace sage::cli
