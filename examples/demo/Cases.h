// What the demo computes: variants of attention × groups of real tensors × K as it is or with an offset. Reads tensor
// files, nothing else.
#pragma once

#include "reference/ExactAttention.h"
#include "reference/HostTensor.h"
#include "sage/runtime/Config.h"

#include <string>
#include <vector>

namespace sage::demo {

enum class Smoothing { None, Off, On }; // None: the variant has no K to quantise, so nothing to smooth

struct Variant {
  std::string label;  // "sage-b, K smoothed"
  std::string file;   // for names of files: "sage-b-smooth"
  std::string config; // a shipped config
  Smoothing smoothing;
};

// flash, and sage-t and sage-b each with and without smoothing K.
std::vector<Variant> variants();

// The variant's config with its mask and smoothing set.
Result<Config> configFor(const Variant &variant, reference::Causal causal);

// Q, K, V of one layer, and exact attention on them.
struct Layer {
  std::string name;
  reference::HostTensor q, k, v;
  reference::ExactOutput exact;
};

enum class Keys { AsIs, Offset };

// Layers of one head dim from one model.
struct Group {
  std::string label, file; // "MiniLM D 32", "minilm-d32"
  reference::Causal causal;
  Keys keys;
  std::vector<Layer> layers;
};

// All groups, first with K as it is, then with 8 standard deviations of each channel over its tokens, per head, of
// random sign (fixed seed) added in f32 and rounded to f16. `directory` holds minilm-qkv.safetensors and
// decoder-qkv.safetensors.
Result<std::vector<Group>> loadGroups(const std::string &directory);

} // namespace sage::demo
