// What the tests of the tile language share: check a text, perhaps with parameters bound, and look at the report.
#pragma once

#include "compiler/dsl/Program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sage::dsl::test {

/// The rendered report; "" when nothing is wrong. With `parameters` the only kernel is checked once more with them
/// bound.
std::string check(const std::string &text, const nlohmann::json &parameters = nullptr);

/// The message of the first error, without place and notes.
std::string firstError(const std::string &text, const nlohmann::json &parameters = nullptr);

/// A kernel around a body: x is a [BN, D] tile of f32 loaded from X, Y takes one of the same shape, R one number a row.
std::string around(const std::string &body);

std::string readFile(const std::string &path);

} // namespace sage::dsl::test
