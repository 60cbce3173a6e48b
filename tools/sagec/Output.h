// The two streams of a command: standard output carries data and nothing else, standard error talks to a person.
#pragma once

#include "sage/runtime/Result.h"

#include <nlohmann/json.hpp>
#include <string>

namespace sage::cli {

// Object members keep the order in which they were set. Numbers that are not finite print as null.
using Json = nlohmann::ordered_json;

// Prints to standard output; an error when it cannot take all of it (a full disk, a closed pipe).
Status printData(const std::string &text);
Status printJson(const Json &json);

// One line on standard error.
void talk(const std::string &line);
void reportError(const Status &status);

// Seven significant digits, "nan" and "inf" included.
std::string numberText(double value);

} // namespace sage::cli
