// Runs one PTX operation over arrays: thread i applies it to the i-th element of each input.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "Device.h"

namespace sage::simtest {

/// How a C++ element type is loaded and stored.
template <class T> constexpr unsigned bitsOf = 8 * sizeof(T);

/// OPERATION uses the registers %d (result) and %a, %b, %c (inputs), each of the width of its element type, and %p, %q.
template <class Out, class In>
std::vector<Out> elementwise(const std::string &operation, const std::vector<std::vector<In>> &inputs,
                             const std::string &target = "sm_90") {
  const std::size_t count = inputs[0].size();
  const std::string in = std::to_string(bitsOf<In>), out = std::to_string(bitsOf<Out>);
  // Registers of fewer than 16 bits do not exist.
  const auto registerBits = [](unsigned bits) { return std::to_string(bits < 16 ? 16 : bits); };
  std::string body = ".reg .b" + registerBits(bitsOf<Out>) + " %d; .reg .b" + registerBits(bitsOf<In>) +
                     " %a, %b, %c; .reg .pred %p, %q;\n";
  body += ".reg .b32 %i, %n, %g; .reg .b64 %x, %y, %o;\nmov.u32 %i, %tid.x; mov.u32 %g, %ctaid.x; mad.lo.s32 %i, %g, "
          "128, %i;\n";
  body += "ld.param.b32 %n, [n]; setp.ge.u32 %p, %i, %n; @%p ret;\n";
  const char *names[] = {"%a", "%b", "%c"};
  std::string parameters = ".param .u64 r, .param .u32 n";
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const std::string number = std::to_string(k);
    parameters += ", .param .u64 x" + number;
    body += "ld.param.b64 %x, [x" + number + "]; mul.wide.u32 %y, %i, " + std::to_string(sizeof(In)) +
            "; add.s64 %x, %x, %y; ld.global.b" + in + " " + names[k] + ", [%x];\n";
  }
  body += operation + "\nld.param.b64 %x, [r]; mul.wide.u32 %y, %i, " + std::to_string(sizeof(Out)) +
          "; add.s64 %x, %x, %y; st.global.b" + out + " [%x], %d;";
  const Kernel kernel(kernelText(parameters, body, target));
  Array<Out> result(count);
  std::vector<std::unique_ptr<Array<In>>> arrays;
  std::vector<std::uint64_t> addresses(3, 0);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    arrays.push_back(std::make_unique<Array<In>>(inputs[k]));
    addresses[k] = arrays.back()->address();
  }
  std::uint64_t r = result.address();
  auto n = static_cast<std::uint32_t>(count);
  void *arguments[] = {&r, &n, &addresses[0], &addresses[1], &addresses[2]};
  kernel.run({static_cast<unsigned>((count + 127) / 128), 1, 1, 128}, arguments);
  return result.get();
}

/// That each element of GOT is WANT of its index.
template <class T> void expect(const std::string &what, const std::vector<T> &got, auto want) {
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (got[i] != T(want(i)) && wrong++ == 0) first = i;
  INFO(what << std::hex << ": the first of " << wrong << " at " << first << ", " << std::uint64_t(got[first]) << " for "
            << std::uint64_t(T(want(first))));
  CHECK(wrong == 0);
}

} // namespace sage::simtest
