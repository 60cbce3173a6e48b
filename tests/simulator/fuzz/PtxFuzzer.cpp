// Feeds PTX to the simulator: text that was mutated piece by piece, and programs made of rows of the instruction table
// with operands that mostly fit. What loads is run. Whatever happens must be an error code or a report: the sanitizers
// watch for everything else.
//
// The bits of an input's first byte choose: text, or a program whose every choice is one of the following bytes; the
// device; a warp and a part of one, or a whole warpgroup; one block or two.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tools/simulator/driver/Api.h"
#include "tools/simulator/isa/Row.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t *data, std::size_t size, std::size_t maxSize);

namespace {

using namespace sage::cuda;

/// The bytes of an input, one choice after the other; zeros when they are used up.
class Choices {
public:
  Choices(const std::uint8_t *d, std::size_t n) : data(d), left(n) {}
  unsigned below(unsigned limit) {
    if (left == 0) return 0;
    --left;
    return *data++ % limit;
  }
  bool more() const { return left > 0; }

private:
  const std::uint8_t *data;
  std::size_t left;
};

const char header[] = R"(.version 9.0
.target sm_120a
.address_size 64
.global .align 16 .b8 glob[512];
.const .align 16 .b8 cons[64] = {1, 2, 3};
.func (.reg .b32 y) twice(.reg .b32 x) { add.u32 y, x, x; ret; }
.visible .entry k(.param .u64 out, .param .align 16 .b8 par[32])
{
.shared .align 16 .b8 sh[1024];
.local .align 16 .b8 loc[64];
.reg .pred %p<4>; .reg .b16 %h<8>; .reg .b32 %r<12>; .reg .f32 %f<12>; .reg .b64 %d<8>; .reg .f64 %e<8>;
.reg .b128 %q<3>;
mov.u32 %r0, %tid.x; mov.u32 %r1, sh; shl.b32 %r2, %r0, 4; ld.param.u64 %d0, [out]; cvt.u64.u32 %d1, %r2;
add.s64 %d0, %d0, %d1; cvta.shared.u64 %d2, %d1; setp.lt.u32 %p0, %r0, 7; mov.b32 %r3, -1; add.s32 %r1, %r1, %r2;
)";

std::string takeUntil(std::string_view &rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string head(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return head;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) parts.push_back(takeUntil(text, separator));
  return parts;
}

std::string registerOf(unsigned bits, Choices &c) {
  const std::string n = std::to_string(c.below(bits == 128 ? 3 : 8));
  return bits <= 16 ? "%h" + n : bits == 32 ? (c.below(4) ? "%r" : "%f") + n : bits == 64 ? "%d" + n : "%q" + n;
}

/// One instruction of ROW; types tells the widths of the operands as the decoder does, nearly always.
std::string instructionOf(const sage::sim::Row &row, Choices &c) {
  std::vector<std::string> words = split(row.pattern, ' ');
  std::string text = words[0];
  std::vector<unsigned> widths;
  for (std::size_t k = 1; k < words.size(); ++k) {
    std::string element = words[k];
    if (element.starts_with("[")) {
      if (c.below(2) == 0) continue;
      element = element.substr(1, element.size() - 2);
    }
    const std::vector<std::string> alternatives = split(element, '|');
    std::string token = alternatives[c.below(static_cast<unsigned>(alternatives.size()))];
    if (const std::size_t star = token.find('*'); star != std::string::npos)
      token.replace(star, 1, std::to_string(8 * (1 + c.below(32))));
    const sage::sim::Type type = sage::sim::typeByName(token);
    if (type != sage::sim::Type::None) widths.push_back(sage::sim::typeBits(type));
    text += "." + token;
  }
  const unsigned last = widths.empty() ? 32 : widths.back();
  bool first = true;
  for (std::string item : split(row.signature, ' ')) {
    if (item.starts_with("?") && (item.erase(0, 1), c.below(2))) continue;
    const std::size_t colon = item.find(':');
    const std::string suffix = colon == std::string::npos ? "" : item.substr(colon + 1);
    unsigned bits = last;
    if (suffix.size() == 1 && suffix[0] >= '0' && suffix[0] <= '9')
      bits = static_cast<std::size_t>(suffix[0] - '0') < widths.size() ? widths[suffix[0] - '0'] : 32;
    else if (suffix == "w")
      bits = 2 * last;
    else if (!suffix.empty())
      bits = sage::sim::typeBits(sage::sim::typeByName(suffix));
    const auto one = [&]() -> std::string {
      const bool isSource = item[0] == 'a' || item[0] == 'b' || item[0] == 'c' || item[0] == 'A';
      if (isSource && c.below(6) == 0) return std::to_string(c.below(256));
      return registerOf(bits, c);
    };
    text += first ? " " : ", ";
    first = false;
    switch (item[0]) {
    case 'd':
    case 'a':
    case 'b':
    case 'c': text += one(); break;
    case 'D':
    case 'A': {
      unsigned count = 1;
      const auto has = [&](const char *m) { return text.find(m) != std::string::npos; };
      if (item[1] >= '1' && item[1] <= '9')
        count = static_cast<unsigned>(item[1] - '0');
      else if (item[1] == 'V')
        count = has(".v2") ? 2 : has(".v4") ? 4 : has(".v8") ? 8 : 1;
      else if (item[1] == 'M')
        count = has(".x2") ? 2 : has(".x4") ? 4 : 1;
      else
        count = 4 * (1 + c.below(32));
      text += "{";
      for (unsigned k = 0; k < count; ++k) text += (k ? ", " : "") + one();
      text += "}";
      break;
    }
    case 'X':
    case 'Y': text += registerOf(128, c); break;
    case 'P':
    case 'N': text += c.below(2) ? "%p1" : "%p1|%p2"; break;
    case 'Q': text += registerOf(bits, c) + (c.below(2) ? "|%p3" : ""); break;
    case 'p': text += c.below(2) ? "%p0" : "!%p0"; break;
    case 'm': {
      const char *addresses[] = {"[%d0]",     "[%r1]",  "[sh+64]", "[%d2]",  "[loc]",
                                 "[glob+32]", "[cons]", "[par]",   "[%d3+8]"};
      text += addresses[c.below(9)];
      break;
    }
    case 't': text += "[%d0, {%r4, %r5}]"; break;
    case 's': text += c.below(2) ? "16" : "4"; break;
    case 'i': text += std::to_string(c.below(256)); break;
    case 'L': text += "END"; break;
    case 'C': text += "%clock64"; break;
    default: text += "0"; break;
    }
  }
  return text + ";\n";
}

std::string programOf(Choices &c) {
  const auto &rows = sage::sim::instructionSet().rows;
  std::string text = header;
  for (unsigned n = 0; n < 40 && c.more(); ++n) {
    const unsigned what = c.below(16);
    if (what == 0) text += "@%p0 bra END;\n";
    if (what == 1) text += "bar.sync 0;\n";
    if (what == 2) text += "call (%r4), twice, (%r5);\n";
    if (what == 3) text += "@!%p0 ";
    const unsigned index = c.below(256) << 8 | c.below(256);
    text += instructionOf(*rows[index % rows.size()], c);
  }
  return text + "END: st.global.v4.b32 [%d0], {%r4, %r5, %r6, %r7};\nret;\n}\n";
}

/// Without its line NUMBER, counted from one; false when that line is one of the header, or there is none.
bool eraseLine(std::string &text, unsigned long number) {
  std::size_t begin = 0;
  for (unsigned long k = 1; k < number && begin != std::string::npos; ++k) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (begin == std::string::npos || begin + 1 < sizeof header) return false;
  const std::size_t end = text.find('\n', begin);
  text.erase(begin, end == std::string::npos ? end : end + 1 - begin);
  return true;
}

Result load(Module *module, const std::string &text, std::string &log) {
  char buffer[256] = {};
  JitOption options[] = {JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {buffer, reinterpret_cast<void *>(std::uintptr_t{sizeof buffer})};
  const Result result = cuModuleLoadDataEx(module, text.c_str(), 2, options, values);
  log.assign(buffer, strnlen(buffer, sizeof buffer));
  return result;
}

/// Instructions that are refused are left out until the rest loads, so that most programs come to run.
bool loadRest(Module *module, std::string text) {
  std::string log;
  while (load(module, text, log) != Result::Success)
    if (!log.starts_with("line ") || !eraseLine(text, std::strtoul(log.c_str() + 5, nullptr, 10))) return false;
  return true;
}

void launch(Module module, unsigned choice) {
  Function function = nullptr;
  DevicePtr memory = 0;
  if (cuModuleGetFunction(&function, module, "k") != Result::Success || cuMemAlloc_v2(&memory, 4096) != Result::Success)
    return;
  cuMemsetD8_v2(memory, 1, 4096);
  std::uint8_t bytes[32] = {3};
  void *parameters[] = {&memory, bytes};
  cuLaunchKernel(function, choice & 8 ? 2 : 1, 1, 1, choice & 4 ? 128 : 40, 1, 1, 0, nullptr, parameters, nullptr);
}

void loadAndRun(std::string text, unsigned choice) {
  const int device = choice & 2 ? 1 : 0;
  Context context = nullptr;
  cuDevicePrimaryCtxRetain(&context, device);
  cuCtxSetCurrent(context);
  Module module = nullptr;
  std::string log;
  if (choice & 1) {
    if (device == 1) text.replace(text.find("sm_120a"), 7, "sm_90a ");
    if (loadRest(&module, std::move(text))) launch(module, choice);
  } else {
    load(&module, text, log);
  }
  if (module) cuModuleUnload(module);
  cuDevicePrimaryCtxReset_v2(device);
  cuDevicePrimaryCtxRelease_v2(device);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  sagesimConfigure("sm_120a,sm_90a");
  cuInit(0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  Choices choices(data + 1, size - 1);
  loadAndRun(data[0] & 1 ? programOf(choices) : std::string(reinterpret_cast<const char *>(data) + 1, size - 1),
             data[0]);
  return 0;
}

// Text changes by words: one is dropped, doubled, moved, or taken from a program that the rows make.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t *data, std::size_t size, std::size_t maxSize,
                                               unsigned seed) {
  if (size < 2 || (data[0] & 1) || seed % 4 == 0) return LLVMFuzzerMutate(data, size, maxSize);
  std::string text(reinterpret_cast<const char *>(data) + 1, size - 1);
  std::uint8_t random[64];
  for (std::uint8_t &r : random) seed = seed * 1664525u + 1013904223u, r = static_cast<std::uint8_t>(seed >> 24);
  Choices choices(random, sizeof random);
  const auto wordAt = [&](std::size_t at) {
    const std::size_t from = text.find_last_of(" \n,;", at), to = text.find_first_of(" \n,;", at);
    const std::size_t first = from == std::string::npos ? 0 : from + 1;
    return std::pair{first, (to == std::string::npos ? text.size() : to) - first};
  };
  const auto somewhere = [&] { return (choices.below(256) << 8 | choices.below(256)) % (text.size() + 1); };
  for (unsigned n = 1 + choices.below(4); n > 0 && !text.empty(); --n) {
    const auto [first, count] = wordAt(std::min<std::size_t>(somewhere(), text.size() - 1));
    const std::string word = text.substr(first, count);
    switch (choices.below(5)) {
    case 0: text.erase(first, count); break;
    case 1: text.insert(first, word + " "); break;
    case 2: text.insert(somewhere(), word); break;
    case 3: text.insert(std::min(first, text.size()), programOf(choices).substr(std::strlen(header))); break;
    default: {
      const char *pieces[] = {
          ".reg .b32 %z<3>;", "{",        "}",       "(",    ")",   "[",    "]",
          ".param .b64 a",    ".func f",  "-1",      "0x1p", "L1:", "@%p0", ".branchtargets L1, L1;",
          "99999999999",      ".align 3", ".shared", "\"",   "/*"};
      text.insert(first, pieces[choices.below(19)]);
    }
    }
  }
  if (text.empty() || text.size() + 1 > maxSize) return LLVMFuzzerMutate(data, size, maxSize);
  std::memcpy(data + 1, text.data(), text.size());
  return text.size() + 1;
}
