// A planted mistake and its corrected twin: the first must be reported as what it is, the second must be silent.
#pragma once

#include "Device.h"

namespace sage::simtest {

/// BAD must fail with KIND and CODE at the line of MARK; GOOD must pass. Both get a buffer of 256 written bytes.
void expectFault(const std::string &bad, const std::string &good, const std::string &kind, Result code,
                 const std::string &mark, Kernel::Shape shape = {}, const std::string &arch = "sm_80");

/// The line of PTX that holds MARK.
unsigned lineOf(const std::string &ptx, const std::string &mark);

} // namespace sage::simtest
