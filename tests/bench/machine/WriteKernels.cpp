// Writes the PTX of every kernel of bench-machine that ARCH has, for NVIDIA's assembler: machine-kernels ARCH DIR
#include "machine/Probe.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

int main(int argc, char **argv) {
  using namespace sage;
  if (argc != 3) return 2;
  Result<CompilerRef> compiler = CompilerLibrary::open();
  if (!compiler.ok()) return std::fprintf(stderr, "%s\n", compiler.status().message().c_str()), 3;
  for (const machine::Probe &probe : machine::catalogue()) {
    if (std::find(probe.archs.begin(), probe.archs.end(), argv[1]) == probe.archs.end()) continue;
    Result<std::string> ptx = machine::emitPtx(**compiler, probe.kernel(argv[1]), argv[1]);
    if (!ptx.ok())
      return std::fprintf(stderr, "%s: %s\n", probe.quantities[0].name.c_str(), ptx.status().message().c_str()), 1;
    std::ofstream(std::string(argv[2]) + "/" + probe.quantities[0].name + ".ptx") << *ptx;
  }
  return 0;
}
