// Artifact metadata: what is read, and that no lie in it gets through.
#include "sage/runtime/Artifact.h"

#include "TestMetadata.h"

#include <catch2/catch.hpp>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

/// The error when one field is replaced (or, with a discarded value, removed).
std::string errorWith(const std::string &pointer, nlohmann::json value) {
  nlohmann::json metadata = testMetadata();
  metadata[nlohmann::json::json_pointer(pointer)] = std::move(value);
  Result<KernelMetadata> parsed = KernelMetadata::parse(metadata.dump());
  REQUIRE_FALSE(parsed.ok());
  return parsed.status().message();
}

} // namespace

TEST_CASE("metadata is read field by field") {
  Result<KernelMetadata> metadata = KernelMetadata::parse(testMetadata().dump());
  REQUIRE(metadata.ok());
  CHECK(metadata->entry == "quantize");
  CHECK(metadata->arch == "sm_80");
  CHECK(metadata->sharedBytes == 1024);
  REQUIRE(metadata->views.size() == 3);
  CHECK(metadata->views[1].name == "Y");
  CHECK(metadata->views[1].dtype == DType::I8);
  CHECK(metadata->views[1].written);
  CHECK(metadata->extents == std::vector<std::string>{"H", "N"});
  const std::int64_t extents[] = {3, 130};
  CHECK(metadata->grid[0].value(extents) == 3);
  CHECK(metadata->grid[1].value(extents) == 3);
  CHECK(metadata->grid[2].value(extents) == 1);
}

TEST_CASE("every field of the metadata is checked") {
  CHECK_THAT(errorWith("/format", 2), Contains("format 2 is not the format 1"));
  CHECK_THAT(errorWith("/entry", 4), Contains("field 'entry': expected a string"));
  CHECK_THAT(errorWith("/shared_bytes", -1), Contains("field 'shared_bytes'"));
  CHECK_THAT(errorWith("/block", {0, 1, 1}), Contains("field 'block'"));
  CHECK_THAT(errorWith("/block", {2048, 1, 1}), Contains("field 'block'"));
  CHECK_THAT(errorWith("/cluster", {2, 1, 1}), Contains("clusters larger than 1"));
  CHECK_THAT(errorWith("/grid/0/of", "Z"), Contains("the extent 'Z', which 'extents' lacks"));
  CHECK_THAT(errorWith("/grid/0/divisor", 0), Contains("field 'divisor'"));
  CHECK_THAT(errorWith("/views/0/dtype", "f12"), Contains("unknown dtype 'f12'"));
  CHECK_THAT(errorWith("/views/0/access", "maybe"), Contains("access is 'read' or 'write'"));
  CHECK_THAT(errorWith("/views/0/extents", nlohmann::json::array()), Contains("has no axes"));
  CHECK_THAT(errorWith("/views", 1), Contains("field 'views'"));
  CHECK_THAT(errorWith("/views", nlohmann::json(std::vector<int>(33))), Contains("at most 32"));
  CHECK_THAT(errorWith("/scalars", {{{"name", "a"}, {"dtype", "f64"}}}), Contains("dtype is f32, i32 or i64"));
  CHECK_THAT(errorWith("/min_driver", 18446744073709551615ull), Contains("field 'min_driver'"));
}

TEST_CASE("text that is no metadata is refused") {
  for (const char *text : {"", "{", "[]", "null", "\"x\"", "{}"}) CHECK_FALSE(KernelMetadata::parse(text).ok());
  CHECK_FALSE(KernelMetadata::parse(std::string(100000, '[')).ok());
}

TEST_CASE("removing any field is an error") {
  const nlohmann::json whole = testMetadata();
  for (const auto &[key, value] : whole.items()) {
    if (key == "parameters" || key == "schedule") continue;
    nlohmann::json metadata = whole;
    metadata.erase(key);
    Result<KernelMetadata> parsed = KernelMetadata::parse(metadata.dump());
    INFO(key);
    REQUIRE_FALSE(parsed.ok());
    CHECK_THAT(parsed.status().message(), Contains("'" + key + "' is missing"));
  }
}
