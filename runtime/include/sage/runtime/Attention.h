// Attention as a plan: config + shapes + device → launches (mean of K, quantise Q, quantise K, attention), one
// workspace.
//
//   SAGE_ASSIGN(Config config, Config::load("sage-b"));
//   AttentionShape shape{.batch = 1, .queryHeads = 4, .keyHeads = 2, .queries = 1024, .keys = 1024, .headDim = 64};
//   SAGE_ASSIGN(Attention plan, Attention::create(device, config, shape, cache));
//   SAGE_ASSIGN(Buffer workspace, device->allocate(plan.workspaceBytes()));
//   SAGE_TRY(plan.run(stream, {.q = q, .k = k, .v = v, .o = o, .workspace = workspace.pointer()}));
//
// create() compiles and loads what is missing; run() only launches: it allocates nothing, synchronises with nothing,
// and leaves its inputs as they are.
#pragma once

#include "sage/runtime/Config.h"
#include "sage/runtime/Device.h"
#include "sage/runtime/Export.h"
#include "sage/runtime/Kernel.h"
#include "sage/runtime/Result.h"
#include "sage/runtime/Tensor.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

struct AttentionShape {
  std::int64_t batch = 1, queryHeads = 1, keyHeads = 1;
  std::int64_t queries = 0, keys = 0; ///< tokens; equal for now
  std::int64_t headDim = 0;           ///< 32, 64 or 128
  DType dtype = DType::F16;           ///< of Q, K, V; f16 for now
};

/// A tensor inside the workspace: "k_mean", "q_quantized", "q_scale", "q_correction", "k_quantized", "k_scale".
struct WorkspaceTensor {
  std::string name;
  std::size_t offset = 0; ///< bytes, a multiple of 256
  TensorView view;        ///< its pointer is 0: add the workspace's
};

/// Q, K, V and O have logical shape [batch, heads, tokens, head dim] with any 16-byte aligned strides
/// (attentionTensor makes HND and NHD).
struct AttentionArguments {
  TensorView q, k, v, o;
  std::optional<TensorView> lse{}; ///< f32 [batch, query heads, queries]; needed exactly when the config says lse
  DevicePointer workspace = 0;     ///< workspaceBytes() bytes, aligned to 256
};

struct AttentionOptions {
  std::string arch{};             ///< compile target; empty: the device's own
  std::string kernelsDirectory{}; ///< tile programs that replace the embedded ones; empty: SAGEC_KERNELS
  std::string dumpStages{};       ///< directory for the compiler's stages, one folder a kernel; empty: none
  bool lineinfo = false;
};

/// One kernel of a plan before a device is known: its role and what to compile.
struct AttentionKernel {
  std::string role; ///< "mean_k", "quantize_q", "quantize_k", "attention"
  CompileRequest request;
};

/// What a plan for this config would compile, in launch order; needs no device. `options.arch` must be set.
SAGE_API Result<std::vector<AttentionKernel>> attentionKernels(const Config &config, std::int64_t headDim,
                                                               const AttentionOptions &options);

class SAGE_API Attention {
public:
  static Result<Attention> create(const DeviceRef &device, const Config &config, const AttentionShape &shape,
                                  const KernelCacheRef &cache, const AttentionOptions &options = {});
  Attention(Attention &&) noexcept;
  Attention &operator=(Attention &&) noexcept;
  ~Attention();

  /// Bytes of workspace that run() needs; 0 when none.
  std::size_t workspaceBytes() const;
  const std::vector<WorkspaceTensor> &workspace() const;
  /// An intermediate tensor by name, placed in the workspace at `base`; nothing if this plan has none of that name.
  std::optional<TensorView> workspaceTensor(std::string_view name, DevicePointer base) const;

  /// All launches, in order, on `stream`.
  Status run(Stream &stream, const AttentionArguments &arguments) const;
  /// One launch by role, on whatever the workspace holds: for tests and for tuning one kernel.
  Status runStep(std::string_view role, Stream &stream, const AttentionArguments &arguments) const;

  struct Step {
    std::string role;
    KernelRef kernel;
  };
  const std::vector<Step> &steps() const;
  const Config &config() const;
  const AttentionShape &shape() const;
  /// As the kernels apply it.
  double softmaxScale() const;

private:
  struct State;
  explicit Attention(std::unique_ptr<State> state);
  Status check(const AttentionArguments &arguments) const;
  Status launch(std::size_t step, Stream &stream, const AttentionArguments &arguments) const;
  std::unique_ptr<State> state;
};

} // namespace sage
