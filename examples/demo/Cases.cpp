// See Cases.h. Exact attention is computed here once a layer, for all variants.
#include "Cases.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "reference/Safetensors.h"

#include <cmath>

namespace sage::demo {
namespace {

using namespace sage::reference;

struct GroupSource {
  const char *label, *file, *tensors;
  Causal causal;
  std::vector<int> layers;
};

const GroupSource sources[] = {
    {"MiniLM D 32", "minilm-d32", "minilm-qkv.safetensors", Causal::No, {0, 2, 5}},
    {"decoder D 64", "decoder-d64", "decoder-qkv.safetensors", Causal::Yes, {0, 2}},
    {"decoder D 128", "decoder-d128", "decoder-qkv.safetensors", Causal::Yes, {1, 3}},
};

constexpr double offsetDeviations = 8;
constexpr uint64_t offsetSeed = 20241103, signStream = 0;

// Standard deviation over the tokens of channel c of one head, whose rows start at `head`.
double deviation(const float *head, int64_t tokens, int64_t dim, int64_t c) {
  double sum = 0, squares = 0;
  for (int64_t n = 0; n < tokens; ++n) sum += head[n * dim + c];
  double mean = sum / double(tokens);
  for (int64_t n = 0; n < tokens; ++n) squares += (head[n * dim + c] - mean) * (head[n * dim + c] - mean);
  return std::sqrt(squares / double(tokens));
}

// k is [B, H, N, D].
Result<HostTensor> withOffset(const HostTensor &k) {
  SAGE_ASSIGN(std::vector<float> values, toFloats(k));
  int64_t heads = k.shape[0] * k.shape[1], tokens = k.shape[2], dim = k.shape[3];
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t c = 0; c < dim; ++c) {
      float *head = values.data() + h * tokens * dim;
      float offset = randomSign(offsetSeed, signStream, uint64_t(h * dim + c)) *
                     float(offsetDeviations * deviation(head, tokens, dim, c));
      for (int64_t n = 0; n < tokens; ++n) head[n * dim + c] += offset;
    }
  return fromFloats(values, Dtype::F16, k.shape);
}

Result<Layer> loadLayer(const SafetensorsFile &file, int number, Causal causal, Keys keys) {
  Layer layer{.name = "layer" + std::to_string(number), .q = {}, .k = {}, .v = {}, .exact = {}};
  SAGE_ASSIGN(layer.q, file.read(layer.name + ".q"));
  SAGE_ASSIGN(layer.k, file.read(layer.name + ".k"));
  SAGE_ASSIGN(layer.v, file.read(layer.name + ".v"));
  if (keys == Keys::Offset) {
    SAGE_ASSIGN(layer.k, withOffset(layer.k));
  }
  SAGE_ASSIGN(layer.exact, exactAttention(layer.q, layer.k, layer.v, {.causal = causal}));
  return layer;
}

} // namespace

std::vector<Variant> variants() {
  return {{"flash", "flash", "flash", Smoothing::None},
          {"sage-t, K smoothed", "sage-t-smooth", "sage-t", Smoothing::On},
          {"sage-t", "sage-t", "sage-t", Smoothing::Off},
          {"sage-b, K smoothed", "sage-b-smooth", "sage-b", Smoothing::On},
          {"sage-b", "sage-b", "sage-b", Smoothing::Off}};
}

Result<Config> configFor(const Variant &variant, Causal causal) {
  SAGE_ASSIGN(Config config, Config::load(variant.config));
  config.mask = causal == Causal::Yes ? Mask::Causal : Mask::None;
  if (variant.smoothing != Smoothing::None) config.smoothK = variant.smoothing == Smoothing::On;
  SAGE_TRY(config.validate());
  return config;
}

Result<std::vector<Group>> loadGroups(const std::string &directory) {
  std::vector<Group> groups;
  for (Keys keys : {Keys::AsIs, Keys::Offset})
    for (const GroupSource &source : sources) {
      SAGE_ASSIGN(SafetensorsFile file, SafetensorsFile::open(directory + "/" + source.tensors));
      Group group{source.label, source.file, source.causal, keys, {}};
      for (int number : source.layers) {
        SAGE_ASSIGN(Layer layer, loadLayer(file, number, source.causal, keys));
        group.layers.push_back(std::move(layer));
      }
      groups.push_back(std::move(group));
    }
  return groups;
}

} // namespace sage::demo
