// What every numeric test needs: the device under test, inputs, and one attention plan run on it with all its
// intermediate tensors at hand. Errors of the runtime become exceptions here, which fail the test with their message.
#pragma once

#include "reference/HostTensor.h"
#include "sage/runtime/Attention.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace numerics {

using sage::reference::HostTensor;

void chooseDevice(const std::string &spec);
// The directory of the bundled tensors.
void chooseData(const std::string &directory);

/// One device and one cache for the whole run, so that a kernel is compiled once.
struct Bench {
  sage::DeviceRef device;
  sage::KernelCacheRef cache;
  sage::Stream stream;
};
Bench &bench();
/// Whether the device takes no more calls of this process.
bool deviceIsLost();

template <class T> T must(sage::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *std::move(result);
}
inline void must(const sage::Status &status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

/// A shipped config with settings: config("sage-b", {"mask=causal"}).
sage::Config config(const std::string &name, const std::vector<std::string> &settings = {});

/// Q [B, Hq, N, D], K and V [B, Hkv, N, D]: F16, always in the order HND.
struct Inputs {
  HostTensor q, k, v;

  std::int64_t batch() const { return q.shape[0]; }
  std::int64_t queryHeads() const { return q.shape[1]; }
  std::int64_t keyHeads() const { return k.shape[1]; }
  std::int64_t tokens() const { return q.shape[2]; }
  std::int64_t dim() const { return q.shape[3]; }
};

struct Sizes {
  std::int64_t batch = 1, queryHeads = 1, keyHeads = 1, tokens = 64, dim = 64;
};

/// N(0,1), rounded to F16.
Inputs normalInputs(const Sizes &sizes, std::uint64_t seed = 1);

/// Layer L of tests/data/<file>-qkv.safetensors.
Inputs bundledLayer(const std::string &file, int layer);

/// K + an offset of 8 standard deviations of each channel over its tokens, per head, with a random sign; added in
/// f32, rounded to F16.
Inputs withKeyOffset(Inputs inputs);

/// Element (b, h, n, d) of an HND tensor of F16, as bits.
std::uint16_t &at(HostTensor &tensor, std::int64_t b, std::int64_t h, std::int64_t n, std::int64_t d);

/// A plan, its tensors on the device, and what it left there.
class Execution {
public:
  Execution(const sage::Config &config, const Inputs &inputs, sage::TensorLayout layout = sage::TensorLayout::Hnd);

  void run() { run(bench().stream); }
  void run(sage::Stream &stream);
  /// One launch alone, on the tensors that are there.
  void runStep(const std::string &role);

  /// O as F16 [B, Hq, N, D], in the order HND whatever the layout of the run.
  HostTensor o() const;
  std::vector<float> lse() const;
  /// An intermediate tensor, e.g. read<float>("k_scale").
  template <class T> std::vector<T> read(const std::string &name) const {
    const sage::TensorView view = tensor(name);
    std::vector<T> values(std::size_t(view.count()));
    must(workspace.download(values.data(), values.size() * sizeof(T), view.pointer - workspace.pointer()));
    return values;
  }
  template <class T> void write(const std::string &name, const std::vector<T> &values) {
    must(workspace.upload(values.data(), values.size() * sizeof(T), tensor(name).pointer - workspace.pointer()));
  }
  void writeV(const HostTensor &v);
  bool inputsAreUnchanged() const;

  const sage::Attention &plan() const { return attention; }
  const Inputs &inputs() const { return given; }

private:
  sage::TensorView tensor(const std::string &name) const;
  sage::AttentionArguments arguments() const;
  Inputs given;
  sage::TensorLayout layout;
  sage::Attention attention;
  sage::Buffer q, k, v, outputO, outputLse, workspace;
};

} // namespace numerics
