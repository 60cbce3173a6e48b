// The demo's table as text.
#pragma once

#include "Bounds.h"

namespace sage::demo {

// Heading, one line a row with its bound and whether it holds, and a legend.
std::string tableText(const std::vector<Row> &rows);

} // namespace sage::demo
