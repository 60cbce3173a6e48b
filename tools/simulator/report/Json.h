// The one JSON need of the simulator that is not trivial: a string literal.
#pragma once

#include <string>
#include <string_view>

namespace sage::sim {

/// TEXT in quotes, escaped; bytes that are not ASCII pass through.
std::string jsonString(std::string_view text);

} // namespace sage::sim
