// The names of the driver library, to link against. A program that runs with this one is told so.
extern "C" {
#define N(name, version)                                                                                               \
  [[gnu::visibility("default")]] int name() { return 34; } // CUDA_ERROR_STUB_LIBRARY
#define J(name, target, version) N(name, version)
#include "tools/simulator/driver/Names.inc"
}
