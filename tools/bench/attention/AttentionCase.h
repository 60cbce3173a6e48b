// One shape on one device: the tensors, and what each config makes of them under each mask.
#pragma once

#include "attention/Data.h"
#include "attention/Shapes.h"
#include "record/Timing.h"
#include "sage/runtime/Attention.h"

namespace sage::bench {

struct Rig {
  DeviceRef device;
  KernelCacheRef cache;
  Stream stream;
  Stopwatch stopwatch;
};

class ShapeTensors {
public:
  static Result<ShapeTensors> create(const DeviceRef &device, const Data &data, const Shape &shape);

  // Times the attention kernel alone, what comes before it, and the whole plan; compares rows of the output with exact
  // attention in double precision. Fills the fields of a case; a check that fails is a status of the case, not an
  // error.
  Status measure(Rig &rig, const std::string &config, const std::string &mask, Json &json);

private:
  ShapeTensors(const Data &data, const Shape &shape) : data(&data), shape(shape) {}
  Status check(const std::string &config, const std::string &mask, Json &json) const;

  const Data *data;
  Shape shape;
  Buffer q, k, v, o;
};

// "registers" and "local_bytes" of a thread, as the driver's compiler made the kernel. Local memory means spills.
Status addFacts(const Kernel &kernel, Json &json);

// What the papers count: two products, multiply and add; half of them under a causal mask.
double operations(const Shape &shape, const std::string &mask);

std::string caseName(const Shape &shape, const std::string &config, const std::string &mask);

} // namespace sage::bench
