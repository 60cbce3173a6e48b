// PTX text → Module (PTX ISA §4, §5, §11 directives). Knows no instruction; see isa/ for those.
#pragma once

#include <string_view>
#include <variant>

#include "ptx/Module.h"

namespace sage::sim {

/// The module, or the first error with its line. Never throws; any text is safe.
std::variant<Module, SourceError> parseModule(std::string_view source);

} // namespace sage::sim
