// See Async.h.
#include "Async.h"

#include <cstring>

namespace sage::simtest {

std::string kernel90(const std::string &parameters, const std::string &body) {
  return kernelText(parameters,
                    ".reg .b32 %r<20>, %t; .reg .b64 %rd<20>; .reg .pred %p<6>; mov.u32 %t, %tid.x;\n" + body, "sm_90a",
                    ".extern .shared .align 1024 .b8 s[];\n");
}

std::string waitFor(const std::string &address, const std::string &parity) {
  return "{ .reg .pred done; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [" + address + "], " + parity +
         "; @!done bra AGAIN; }\n";
}

MapArgument::MapArgument(const sim::TensorMap &map) { std::memcpy(bytes.data(), &map, sizeof map); }

std::string dump(unsigned bytes) {
  std::string body = "ld.param.u64 %rd1, [p]; shl.b32 %r1, %t, 2; mov.u32 %r2, s; add.u32 %r2, %r2, %r1;\n"
                     "cvt.u64.u32 %rd2, %r1; add.s64 %rd1, %rd1, %rd2;\n";
  for (unsigned k = 0; k < bytes; k += 128)
    body +=
        "ld.shared.b32 %r3, [%r2+" + std::to_string(k) + "]; st.global.b32 [%rd1+" + std::to_string(k) + "], %r3;\n";
  return body;
}

std::string registerList(const std::string &prefix, unsigned count) {
  std::string text = "{";
  for (unsigned k = 0; k < count; ++k) text += (k ? ", " : "") + prefix + std::to_string(k);
  return text + "}";
}

} // namespace sage::simtest
