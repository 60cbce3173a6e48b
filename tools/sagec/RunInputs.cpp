// See RunInputs.h. Drawn tensors are N(0,1) in f32, rounded to f16; q, k and v are streams 0, 1 and 2 of the seed.
#include "RunInputs.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "reference/Safetensors.h"

namespace sage::cli {
namespace {

using namespace sage::reference;

Result<HostTensor> readF16(const SafetensorsFile &file, const RunOptions &options, const std::string &name) {
  auto info = file.tensors().find(name);
  if (info != file.tensors().end() && info->second.dtype != Dtype::F16)
    return invalidInput(options.input + ": tensor '" + name + "' is " + std::string(dtypeName(info->second.dtype)) +
                        "; only F16 is supported");
  return file.read(name);
}

Result<RunInputs> readInputs(const RunOptions &options) {
  SAGE_ASSIGN(SafetensorsFile file, SafetensorsFile::open(options.input));
  RunInputs inputs;
  SAGE_ASSIGN(inputs.q, readF16(file, options, options.q));
  SAGE_ASSIGN(inputs.k, readF16(file, options, options.k));
  SAGE_ASSIGN(inputs.v, readF16(file, options, options.v));
  return inputs;
}

Result<HostTensor> draw(const RunOptions &options, uint64_t stream) {
  auto [b, h, n, d] = *options.random;
  Shape shape = options.layout == TensorLayout::Hnd ? Shape{b, h, n, d} : Shape{b, n, h, d};
  // The draws in f32 are the larger allocation: ask for them before making them.
  SAGE_TRY(HostTensor::allocate(Dtype::F32, shape).context("--random").status());
  SAGE_ASSIGN(int64_t count, elementCount(shape));
  return fromFloats(normals(options.seed, stream, count), Dtype::F16, shape);
}

} // namespace

Result<RunInputs> loadInputs(const RunOptions &options) {
  if (!options.random) return readInputs(options);
  RunInputs inputs;
  SAGE_ASSIGN(inputs.q, draw(options, 0));
  SAGE_ASSIGN(inputs.k, draw(options, 1));
  SAGE_ASSIGN(inputs.v, draw(options, 2));
  return inputs;
}

} // namespace sage::cli
