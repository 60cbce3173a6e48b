// Reproducible N(0,1) draws: element i of a stream depends on (seed, stream, i) alone, so no library, order or thread
// count changes the data.
#pragma once

#include <cstdint>
#include <vector>

namespace sage::reference {

// `count` draws. Use another `stream` for each tensor of one seed.
std::vector<float> normals(uint64_t seed, uint64_t stream, int64_t count);

// A fair coin for (seed, stream, index): +1 or −1.
float randomSign(uint64_t seed, uint64_t stream, uint64_t index);

} // namespace sage::reference
