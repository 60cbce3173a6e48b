// Targets and capabilities, and tensor views: pure functions.
#include "runtime/driver/Arch.h"
#include "sage/runtime/Tensor.h"

#include <catch2/catch.hpp>

using namespace sage;

TEST_CASE("a target runs on its own capability, and a plain one on later ones") {
  CHECK(archRunsOn("sm_80", 8, 0));
  CHECK(archRunsOn("sm_80", 9, 0));
  CHECK_FALSE(archRunsOn("sm_86", 8, 0));
  CHECK(archRunsOn("sm_90a", 9, 0));
  CHECK_FALSE(archRunsOn("sm_90a", 10, 0));
  CHECK_FALSE(archRunsOn("sm_120a", 12, 1));
  for (const char *text : {"", "sm_", "sm_a", "sm_8", "compute_80", "sm_80b", "sm_80aa", "sm_99999"})
    CHECK_FALSE(archRunsOn(text, 12, 0));
}

TEST_CASE("each capability gets the best target that it can run") {
  CHECK(archOfCapability(8, 0) == "sm_80");
  CHECK(archOfCapability(8, 7) == "sm_86");
  CHECK(archOfCapability(9, 0) == "sm_90a");
  CHECK(archOfCapability(10, 0) == "sm_89");
  CHECK(archOfCapability(12, 0) == "sm_120a");
  CHECK(archOfCapability(7, 5) == "sm_75");
}

TEST_CASE("HND and NHD views of one memory have the same logical shape") {
  const TensorView hnd = attentionTensor(0, DType::F16, TensorLayout::Hnd, 2, 3, 5, 64);
  const TensorView nhd = attentionTensor(0, DType::F16, TensorLayout::Nhd, 2, 3, 5, 64);
  CHECK(hnd.shape == nhd.shape);
  CHECK(hnd.spanBytes() == nhd.spanBytes());
  CHECK(hnd.strides[1] == 5 * 64);
  CHECK(nhd.strides[1] == 64);
  CHECK(nhd.strides[2] == 3 * 64);
  CHECK(parseTensorLayout("nhd") == TensorLayout::Nhd);
  CHECK_FALSE(parseTensorLayout("NDH").has_value());
}
