// Bandwidth of reads from L2 and from DRAM, for kernels that read a buffer of words and add into out[0] what they saw.
#pragma once

#include "Bench.h"
#include "Probe.h"

namespace sage::machine {

// NAME.l2 and NAME.dram.
std::vector<Quantity> trafficQuantities(const std::string &name, const std::string &what);

struct Traffic {
  unsigned grid = 0;
  std::size_t pieceBytes = 0; // what all blocks together read at a time; the buffer is a multiple of it
  int everyWord = 1;          // of these words one is added
  std::function<Status(Bench &)> prepare = {}; // what the kernel needs beside the buffer
};

// Launches the kernel with `count` passes over `extra` pieces: once and again over one that stays in L2, and once over
// as many as are read at most once from DRAM.
Result<std::vector<Reading>> measureTraffic(Bench &bench, const Traffic &traffic);

} // namespace sage::machine
