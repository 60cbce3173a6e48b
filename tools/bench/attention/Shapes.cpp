// See Shapes.h.
#include "attention/Shapes.h"

#include "sage/runtime/Config.h"

namespace sage::bench {
namespace {

const std::vector<std::string> both{"none", "causal"}, none{"none"}, causal{"causal"};

void addModels(std::vector<Shape> &all) {
  all.push_back({"CogVideoX", 2, 30, 17776, 64, none});
  all.push_back({"Llama2", 4, 32, 1536, 128, causal});
  all.push_back({"UltraPixel", 2, 32, 7285, 64, none});
  all.push_back({"Unidiffuser", 4, 24, 1105, 64, none});
  all.push_back({"TIMM", 12, 64, 197, 64, none});
}

void addGrid(std::vector<Shape> &all, std::initializer_list<std::int64_t> lengths) {
  for (std::int64_t tokens : lengths)
    for (std::int64_t dim : {64, 128}) all.push_back({"grid", 4, 32, tokens, dim, both});
}

} // namespace

std::vector<Shape> shapes(Extent extent) {
  std::vector<Shape> all;
  switch (extent) {
  case Extent::Tiny:
    all.push_back({"grid", 1, 2, 130, 64, both});
    all.push_back({"TIMM", 1, 2, 197, 64, none}); // its length, fewer heads
    break;
  case Extent::Quick:
    addGrid(all, {1024, 4096, 16384});
    addModels(all);
    break;
  case Extent::Full:
    addGrid(all, {1024, 2048, 4096, 8192});
    addModels(all);
    addGrid(all, {16384, 32768}); // last, as they take the most of a limited time
    break;
  }
  return all;
}

std::vector<std::string> configs(Extent extent) {
  if (extent == Extent::Full) return shippedConfigs();
  return {"sage-b", "flash"}; // one of each kind
}

} // namespace sage::bench
