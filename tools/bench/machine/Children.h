// Probes in a process of their own. After some errors a GPU refuses everything until the process ends, and a probe may
// hang; so a child measures, tells its parent over a pipe what it begins and what it has, and when it ends early
// another child goes on behind the probe that it had begun. The parent never touches the driver.
#pragma once

#include "record/Options.h"
#include "record/Record.h"
#include "sage/runtime/Result.h"

#include <vector>

namespace sage::machine {

// Measures what `options` selects and writes the record. CheckFailed when a measurement failed or was not verified.
Status measureInChildren(const bench::Options &options);

} // namespace sage::machine
