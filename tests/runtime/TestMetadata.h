// Metadata of a small made-up kernel, which tests of artifacts and of argument packing change field by field.
#pragma once

#include <nlohmann/json.hpp>

/// quantize(X: f16[H, N, 64] read, Y: i8[H, N, 64] written, S: f32[H, ⌈N/64⌉·4] written, scale: f32, steps: i32),
/// grid (H, ⌈N/64⌉).
inline nlohmann::json testMetadata() {
  return nlohmann::json::parse(R"({
    "format": 1, "entry": "quantize", "program": "quantize.tile", "arch": "sm_80", "ptx_version": "7.0",
    "min_driver": 11000,
    "grid": [{"of": "H", "divisor": 1, "times": 1}, {"of": "N", "divisor": 64, "times": 1}],
    "block": [128, 1, 1], "shared_bytes": 1024, "cluster": [1, 1, 1],
    "views": [
      {"name": "X", "dtype": "f16", "access": "read", "extents": [
        {"of": "H", "divisor": 1, "times": 1}, {"of": "N", "divisor": 1, "times": 1},
        {"of": null, "divisor": 1, "times": 64}]},
      {"name": "Y", "dtype": "i8", "access": "write", "extents": [
        {"of": "H", "divisor": 1, "times": 1}, {"of": "N", "divisor": 1, "times": 1},
        {"of": null, "divisor": 1, "times": 64}]},
      {"name": "S", "dtype": "f32", "access": "write", "extents": [
        {"of": "H", "divisor": 1, "times": 1}, {"of": "N", "divisor": 64, "times": 4}]}
    ],
    "extents": ["H", "N"],
    "scalars": [{"name": "scale", "dtype": "f32"}, {"name": "steps", "dtype": "i32"}],
    "parameters": {"D": 64}, "schedule": {"block_n": 64}, "compiler": "test", "hash": "0"
  })");
}
