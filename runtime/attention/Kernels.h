// The launches that a config needs, and what each compiles. Inside the attention part only; attentionKernels() is the
// public face.
#pragma once

#include "sage/runtime/Attention.h"

namespace sage {

enum class Role { MeanK, QuantizeQ, QuantizeK, Attention };

/// "mean_k" …: the names of the public interface.
std::string_view roleName(Role role);

/// In launch order.
std::vector<Role> planRoles(const Config &config);

/// The LSE of smoothed keys lacks scale · q · mean(K), which the quantisation of Q computes.
bool needsCorrection(const Config &config);

Result<CompileRequest> planRequest(Role role, const Config &config, std::int64_t headDim,
                                   const AttentionOptions &options);

} // namespace sage
