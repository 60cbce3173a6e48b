// The attention plan: made once for a config, a shape and a device; run any number of times.
#include "sage/runtime/Attention.h"

#include "runtime/attention/Kernels.h"
#include "runtime/attention/Workspace.h"

#include <numbers>

namespace sage {

struct Attention::State {
  DeviceRef device;
  Config config;
  AttentionShape shape;
  double scale = 0;
  Workspace workspace;
  std::vector<Role> roles;
  std::vector<Step> steps; ///< one for each role
};

namespace {

constexpr std::int64_t maxExtent = INT32_MAX;

Status checkExtent(const char *what, std::int64_t value) {
  if (value >= 1 && value <= maxExtent) return {};
  return invalidInput(std::string(what) + " is " + std::to_string(value) + "; allowed: 1 to " +
                      std::to_string(maxExtent));
}

Status checkShape(const AttentionShape &shape) {
  SAGE_TRY(checkExtent("batch", shape.batch));
  SAGE_TRY(checkExtent("the number of query heads", shape.queryHeads));
  SAGE_TRY(checkExtent("the number of key heads", shape.keyHeads));
  SAGE_TRY(checkExtent("the number of queries", shape.queries));
  SAGE_TRY(checkExtent("the number of keys", shape.keys));
  if (shape.queryHeads % shape.keyHeads != 0)
    return invalidInput("the number of query heads (" + std::to_string(shape.queryHeads) +
                        ") must be a multiple of the number of key heads (" + std::to_string(shape.keyHeads) + ")");
  if (shape.queries != shape.keys)
    return invalidInput("the number of queries (" + std::to_string(shape.queries) +
                        ") must equal the number of keys (" + std::to_string(shape.keys) + ")");
  if (shape.dtype != DType::F16)
    return invalidInput("Q, K and V of type " + std::string(name(shape.dtype)) + " are not supported; allowed: f16");
  return {};
}

Status checkTensor(const char *what, const TensorView &view, DType type, std::initializer_list<std::int64_t> shape) {
  const TensorView expected = TensorView::contiguous(0, type, shape);
  if (view.dtype == type && view.rank == expected.rank && view.shape == expected.shape) return {};
  return invalidInput(std::string(what) + " is " + view.describe() + "; this plan takes " + expected.describe());
}

bool overlap(const TensorView &a, const TensorView &b) {
  return a.pointer < b.pointer + std::uint64_t(b.spanBytes()) && b.pointer < a.pointer + std::uint64_t(a.spanBytes());
}

/// Refused for all configs alike, though some would read Q and K before they write O.
Status checkOutput(const char *what, const TensorView &output, const AttentionArguments &arguments) {
  const std::pair<const char *, const TensorView &> inputs[] = {
      {"q", arguments.q}, {"k", arguments.k}, {"v", arguments.v}};
  for (const auto &[input, view] : inputs)
    if (overlap(output, view)) return invalidInput(std::string(what) + " overlaps " + input + " in memory");
  return {};
}

/// The names and tensors of one launch, on the stack.
struct LaunchViews {
  std::array<NamedView, 8> views;
  std::size_t count = 0;
  void add(std::string_view name, const TensorView &view) { views[count++] = {name, view}; }
};

} // namespace

Attention::Attention(std::unique_ptr<State> made) : state(std::move(made)) {}
Attention::Attention(Attention &&) noexcept = default;
Attention &Attention::operator=(Attention &&) noexcept = default;
Attention::~Attention() = default;

Result<Attention> Attention::create(const DeviceRef &device, const Config &config, const AttentionShape &shape,
                                    const KernelCacheRef &cache, const AttentionOptions &options) {
  SAGE_TRY(checkShape(shape));
  AttentionOptions target = options;
  if (target.arch.empty()) target.arch = device->arch();
  SAGE_ASSIGN(const std::vector<AttentionKernel> kernels, attentionKernels(config, shape.headDim, target));
  auto state = std::make_unique<State>();
  state->device = device;
  state->config = config;
  state->shape = shape;
  state->scale = config.softmaxScale(shape.headDim);
  SAGE_ASSIGN(state->workspace, layOutWorkspace(config, shape));
  state->roles = planRoles(config);
  for (const AttentionKernel &kernel : kernels) {
    SAGE_ASSIGN(KernelRef loaded, cache->kernel(device, kernel.request).context("config '" + config.name + "'"));
    state->steps.push_back({kernel.role, std::move(loaded)});
  }
  return Attention(std::move(state));
}

std::size_t Attention::workspaceBytes() const { return state->workspace.bytes; }
const std::vector<WorkspaceTensor> &Attention::workspace() const { return state->workspace.tensors; }
const std::vector<Attention::Step> &Attention::steps() const { return state->steps; }
const Config &Attention::config() const { return state->config; }
const AttentionShape &Attention::shape() const { return state->shape; }
double Attention::softmaxScale() const { return state->scale; }

std::optional<TensorView> Attention::workspaceTensor(std::string_view name, DevicePointer base) const {
  const TensorView view = state->workspace.find(name, base);
  if (view.rank == 0) return std::nullopt;
  return view;
}

Status Attention::check(const AttentionArguments &arguments) const {
  const AttentionShape &s = state->shape;
  SAGE_TRY(checkTensor("q", arguments.q, s.dtype, {s.batch, s.queryHeads, s.queries, s.headDim}));
  SAGE_TRY(checkTensor("k", arguments.k, s.dtype, {s.batch, s.keyHeads, s.keys, s.headDim}));
  SAGE_TRY(checkTensor("v", arguments.v, s.dtype, {s.batch, s.keyHeads, s.keys, s.headDim}));
  const DType output = state->config.output.value_or(s.dtype);
  SAGE_TRY(checkTensor("o", arguments.o, output, {s.batch, s.queryHeads, s.queries, s.headDim}));
  SAGE_TRY(checkOutput("o", arguments.o, arguments));
  if (arguments.lse.has_value() != state->config.lse)
    return invalidInput(state->config.lse ? "the config says lse, so a tensor lse must be given"
                                          : "a tensor lse is given, but the config does not say lse");
  if (arguments.lse) {
    SAGE_TRY(checkTensor("lse", *arguments.lse, DType::F32, {s.batch, s.queryHeads, s.queries}));
    SAGE_TRY(checkOutput("lse", *arguments.lse, arguments));
  }
  if (state->workspace.bytes > 0 && (arguments.workspace == 0 || arguments.workspace % 256 != 0))
    return invalidInput("the plan needs a workspace of " + std::to_string(state->workspace.bytes) +
                        " bytes at an address that is a multiple of 256");
  return {};
}

Status Attention::launch(std::size_t step, Stream &stream, const AttentionArguments &arguments) const {
  LaunchViews launch;
  auto temporary = [&](const char *name) { return state->workspace.find(name, arguments.workspace); };
  const bool correct = needsCorrection(state->config), quantized = state->config.qk == DType::I8;
  NamedScalar scalar;
  std::size_t scalars = 0;
  switch (state->roles[step]) {
  case Role::MeanK:
    launch.add("X", arguments.k);
    launch.add("Y", temporary("k_mean"));
    break;
  case Role::QuantizeQ:
    launch.add("X", arguments.q);
    launch.add("Y", temporary("q_quantized"));
    launch.add("S", temporary("q_scale"));
    if (!correct) break;
    launch.add("mean", temporary("k_mean"));
    launch.add("C", temporary("q_correction"));
    scalar = {"scale", state->scale};
    scalars = 1;
    break;
  case Role::QuantizeK:
    launch.add("X", arguments.k);
    if (state->config.smoothK) launch.add("mean", temporary("k_mean"));
    launch.add("Y", temporary("k_quantized"));
    launch.add("S", temporary("k_scale"));
    break;
  case Role::Attention:
    launch.add("Q", quantized ? temporary("q_quantized") : arguments.q);
    launch.add("K", quantized ? temporary("k_quantized") : arguments.k);
    if (quantized) launch.add("sq", temporary("q_scale"));
    if (quantized) launch.add("sk", temporary("k_scale"));
    launch.add("V", arguments.v);
    launch.add("O", arguments.o);
    if (arguments.lse) launch.add("L", *arguments.lse);
    if (correct) launch.add("C", temporary("q_correction"));
    // Softmax runs in base 2.
    scalar = {"fold", state->scale * std::numbers::log2e};
    scalars = 1;
    break;
  }
  return state->steps[step].kernel->launch(stream, {{launch.views.data(), launch.count}, {&scalar, scalars}, {}});
}

Status Attention::run(Stream &stream, const AttentionArguments &arguments) const {
  SAGE_TRY(check(arguments));
  for (std::size_t step = 0; step < state->steps.size(); ++step) SAGE_TRY(launch(step, stream, arguments));
  return {};
}

Status Attention::runStep(std::string_view role, Stream &stream, const AttentionArguments &arguments) const {
  SAGE_TRY(check(arguments));
  for (std::size_t step = 0; step < state->steps.size(); ++step)
    if (state->steps[step].role == role) return launch(step, stream, arguments);
  return invalidInput("this plan has no launch '" + std::string(role) + "'");
}

} // namespace sage
