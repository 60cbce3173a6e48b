// Whether the driver's compiler honours `setmaxnreg`: three warpgroups share the register file, 168 registers a thread;
// one gives up all but 24, the other two take 240 each and keep 200 values alive around a loop. A compiler that honours
// the instruction needs no local memory for them; one that ignores it (as when it compiles for linking) spills.
#include "Probe.h"

namespace sage::machine {
namespace {

constexpr int alive = 200;
constexpr unsigned threads = 384, consumers = 256;

KernelText kernelOf() {
  std::string body = R"(
.reg .b32 tid, left, x<200>;
.reg .b64 wide, source, target;
.reg .pred producer, more;
mov.u32 tid, %tid.x;
setp.lt.u32 producer, tid, 128;
@producer bra PRODUCER;
setmaxnreg.inc.sync.aligned.u32 240;
sub.u32 tid, tid, 128;
mul.wide.u32 wide, tid, 4;
add.u64 source, in, wide;
add.u64 target, out, wide;
mov.b32 left, count;
)";
  for (int k = 0; k < alive; ++k)
    body +=
        "ld.global.b32 x" + std::to_string(k) + ", [source + " + std::to_string(4 * consumers * unsigned(k)) + "];\n";
  body += "LOOP:\n";
  for (int k = 0; k < alive; ++k) body += withIndex("mad.lo.u32 x{k}, x{k}, 3, x{k+1};\n", k, alive);
  body += "sub.s32 left, left, 1;\nsetp.ne.s32 more, left, 0;\n@more bra LOOP;\n";
  for (int k = 0; k < alive; ++k)
    body +=
        "st.global.b32 [target + " + std::to_string(4 * consumers * unsigned(k)) + "], x" + std::to_string(k) + ";\n";
  return {body + "bra END;\nPRODUCER:\nsetmaxnreg.dec.sync.aligned.u32 24;\nEND:\n", threads};
}

Result<std::vector<Reading>> measure(Bench &bench) {
  const int count = bench.pick(2, 100, 100);
  std::vector<std::uint32_t> words(alive * consumers);
  for (std::size_t k = 0; k < words.size(); ++k) words[k] = std::uint32_t(k) * 2654435761u;
  SAGE_TRY(bench.makeInput(4 * words.size()));
  SAGE_TRY(bench.upload(words));
  SAGE_TRY(bench.makeOutput(4 * words.size()));
  SAGE_TRY(bench.launch(1, count));
  SAGE_TRY(bench.synchronize());
  SAGE_ASSIGN(const std::vector<std::uint32_t> output, bench.output(words.size()));
  SAGE_ASSIGN(const FunctionFacts facts, bench.facts());
  for (int n = 0; n < count; ++n)
    for (std::size_t k = 0; k < alive; ++k)
      for (std::size_t thread = 0; thread < consumers; ++thread) {
        std::uint32_t &x = words[k * consumers + thread];
        x = x * 3 + words[(k + 1) % alive * consumers + thread];
      }
  Reading reading;
  reading.value = facts.localBytes == 0 ? 1 : 0;
  reading.raw = {double(facts.registers), double(facts.localBytes)};
  reading.verified = output == words;
  reading.detail = "numRegs " + std::to_string(facts.registers) + ", localBytes " + std::to_string(facts.localBytes) +
                   (bench.notes().empty() ? "" : "; the driver's compiler: " + bench.notes());
  return std::vector{reading};
}

} // namespace

std::vector<Probe> registerProbes() {
  return {{"driver",
           {"sm_90a", "sm_120a"},
           {{"driver.setmaxnreg", "1: honoured, 0: not",
             "whether the driver's compiler honours setmaxnreg; raw: registers at launch, bytes of local memory"}},
           [](std::string_view) { return kernelOf(); },
           measure}};
}

} // namespace sage::machine
