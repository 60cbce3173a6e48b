// Linking of parsed modules: several units become one, as the driver's linker would make it.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ptx/Module.h"

namespace sage::sim {

/// What an image of linked units begins with when its link was given a limit of registers; empty without a limit.
std::string imageHead(unsigned maxRegisters);
/// That limit, or 0.
unsigned linkedRegisterLimit(std::string_view image);

/// Puts what begins a unit before PTX text; an image of several units is such pieces one after the other.
std::string unitText(std::string_view ptx);
/// The pieces of an image; the whole text when it has no such marks.
std::vector<std::string_view> unitsOf(std::string_view image);

/// Parses all units of an image and resolves names between them: one definition for each name, weak and common ones
/// give way, what is local to a unit stays apart. Lines count through the whole image.
std::variant<Module, SourceError> linkImage(std::string_view image);

/// The first name that is declared, used by no built-in function, and defined nowhere; empty when there is none.
std::string undefinedName(const Module &module);

} // namespace sage::sim
