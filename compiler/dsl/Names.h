// "Did you mean": the known name nearest to one that was not found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sage::dsl {

/// The candidate within a third of the name's length in edits (insert, delete, replace, swap), or "" when none is near.
std::string nearestName(std::string_view name, const std::vector<std::string> &candidates);

/// "; did you mean 'x'?" or "" — to be appended to a message.
std::string suggestion(std::string_view name, const std::vector<std::string> &candidates);

/// "a, b and c"
std::string joinNames(const std::vector<std::string> &names, std::string_view last = "and");

} // namespace sage::dsl
