// Forms of instructions around memory that other tests do not write: barriers that vote, fences, generic addresses of
// every state space, cp.async with its hints, prefetches and policies, matrix moves by every kind of address.
#include <catch2/catch.hpp>
#include <numeric>

#include "Forms.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;

/// BODY computes %v from %l (the thread's number), for every thread of one block.
std::vector<u32> threads(const std::string &body, u32 count, const std::string &target = "sm_90a",
                         const std::string &globals = "") {
  Kernel kernel(
      kernelText(".param .u64 p, .param .align 64 .b8 data[64]",
                 ".reg .b32 %l, %v, %x<8>; .reg .b64 %p, %t, %y<8>; .reg .pred %q<4>; mov.u32 %l, %tid.x; "
                 "mov.b32 %v, 0;\n" +
                     body +
                     "\nld.param.b64 %p, [p]; mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t; st.global.b32 [%p], "
                     "%v;",
                 target, globals));
  const Array<u32> out(std::vector<u32>(count, 0));
  struct alignas(64) Data {
    std::uint8_t bytes[64];
  };
  kernel({1, 1, 1, count}, out.address(), Data{});
  return out.get();
}

/// Copies a lane's SIZE bytes from shared memory at %x0 to %p.
std::string copyWordsOf(unsigned size) {
  std::string text;
  for (unsigned k = 0; k < size; k += 4) {
    const std::string at = "+" + std::to_string(k) + "]";
    text += "ld.shared.b32 %x1, [%x0" + at + "; st.global.b32 [%p" + at + ", %x1;\n";
  }
  return text;
}

} // namespace

TEST_CASE("barriers that vote, in every form: named, counted, aligned or on different paths, negated") {
  const Device device("sm_90a");
  struct Vote {
    const char *set;
    bool (*is)(u32);
  };
  const Vote votes[] = {{"rem.u32 %x1, %l, 3; setp.eq.u32 %q0, %x1, 0;", [](u32 l) { return l % 3 == 0; }},
                        {"setp.lt.u32 %q0, %l, 64;", [](u32 l) { return l < 64; }},
                        {"setp.ge.u32 %q0, %l, 0;", [](u32) { return true; }},
                        {"setp.lt.u32 %q0, %l, 0;", [](u32) { return false; }}};
  unsigned turn = 0;
  for (const std::string op : {"popc", "and", "or"})
    for (const std::string form : {"bar.", "bar.cta.", "barrier.", "barrier.cta."})
      for (const bool aligned : {true, false})
        for (const bool counted : {false, true})
          for (const Vote &vote : votes)
            for (const bool negated : {false, true}) {
              if (form.starts_with("bar.") && !aligned) continue; // always aligned
              const bool isBarrier = form.starts_with("barrier"), isCount = op == "popc";
              const std::string text = form + "red." + op + (isBarrier && aligned ? ".aligned" : "") +
                                       (isCount ? ".u32 %v, " : ".pred %q1, ") + (counted ? "%x2, %x3, " : "5, ") +
                                       (negated ? "!%q0;" : "%q0;") + (isCount ? "" : " selp.b32 %v, 7, 3, %q1;");
              // Two groups of 64 and 32 threads with their own barriers, or all 96; without .aligned the lanes of a
              // warp arrive one half after the other, from different places.
              std::string body = std::string(vote.set) + "setp.lt.u32 %q2, %l, 64; selp.b32 %x2, 2, 3, %q2; selp.b32 "
                                                         "%x3, 64, 32, %q2;\n";
              body += aligned ? text
                              : "and.b32 %x1, %l, 1; setp.eq.u32 %q3, %x1, 1; @%q3 bra ODD; " + text +
                                    " bra.uni DONE; ODD: " + text + "\nDONE:";
              const auto got = threads(body, 96);
              INFO(body);
              u32 sum[2] = {}, size[2] = {};
              for (u32 l = 0; l < 96; ++l) {
                const u32 group = counted && l >= 64;
                sum[group] += vote.is(l) != negated, ++size[group];
              }
              for (u32 l = 0; l < 96; ++l) {
                const u32 g = counted && l >= 64;
                const bool yes = op == "and" ? sum[g] == size[g] : sum[g] != 0;
                REQUIRE(got[l] == (isCount ? sum[g] : yes ? 7 : 3));
              }
              ++turn;
            }
  REQUIRE(turn == 3 * 6 * 2 * 4 * 2);
}

TEST_CASE("barriers of producers and consumers in every form") {
  const Device device("sm_90a");
  const std::string memory = ".shared .align 4 .b8 s[4];\n";
  for (const std::string form : {"bar.", "bar.cta.", "barrier.", "barrier.cta."})
    for (const std::string aligned : {"", ".aligned"}) {
      if (form.starts_with("bar.") && !aligned.empty()) continue;
      const auto got = threads("mov.b32 %x0, s; setp.lt.u32 %q0, %l, 32; @%q0 bra PRODUCE; " + form + "sync" + aligned +
                                   " 3, 64; ld.shared.b32 %v, [%x0]; bra.uni STORE;\nPRODUCE: mov.b32 %x1, 42; "
                                   "st.shared.b32 [%x0], %x1; " +
                                   form + "arrive" + aligned + " 3, 64;\nSTORE: " + form + "sync" + aligned + " 0;",
                               64, "sm_90a", memory);
      for (u32 l = 0; l < 64; ++l) REQUIRE(got[l] == (l < 32 ? 0 : 42));
    }
}

TEST_CASE("fences of every order and scope hand a value from block to block") {
  const Device device("sm_90a");
  const auto run = [](const std::string &before, const std::string &after) {
    Kernel kernel(kernelText(".param .u64 p",
                             ".reg .b32 %x, %c; .reg .b64 %p; .reg .pred %q; ld.param.b64 %p, [p]; mov.u32 %c, "
                             "%ctaid.x; setp.eq.u32 %q, %c, 1; @%q bra GET;\nst.global.b32 [%p], 77; " +
                                 before +
                                 " st.relaxed.gpu.global.b32 [%p+4], 1; ret;\nGET: ld.relaxed.gpu.global.b32 %x, "
                                 "[%p+4]; setp.eq.u32 %q, %x, 0; @%q bra GET; " +
                                 after + " ld.global.b32 %x, [%p]; st.global.b32 [%p+8], %x;",
                             "sm_90a"));
    const Array<u32> p(std::vector<u32>(4, 0));
    const Result result = kernel.tryLaunch({.gridX = 2, .blockX = 1, .clusterX = 2}, p.address());
    return result == Result::Success ? p.get()[2] : 0;
  };
  for (const std::string scope : {"cluster", "gpu", "sys"}) {
    const auto fence = [&](const std::string &order) { return "fence" + order + "." + scope + ";"; };
    for (const std::string order : {"", ".sc", ".acq_rel"}) CHECK(run(fence(order), fence(order)) == 77);
    CHECK(run(fence(".release"), fence(".acquire")) == 77);
    CHECK(run(fence(".release") + "fence.acquire.cta;", "fence.release.cta; " + fence(".acquire")) == 77);
  }
  for (const std::string scope : {"gl", "sys"}) CHECK(run("membar." + scope + ";", "membar." + scope + ";") == 77);
  // Fences of other proxies, on the way of a value that they do not change.
  const std::string proxies = "fence.proxy.alias; membar.proxy.alias; fence.proxy.tensormap::generic.release.";
  for (const std::string scope : {"cta", "cluster", "gpu", "sys"})
    CHECK(run(proxies + scope + "; fence.acq_rel.gpu;",
              "fence.acq_rel.gpu; fence.proxy.tensormap::generic.acquire." + scope + " [%p], 128;") == 77);
  for (const std::string direction : {"acquire", "release"}) {
    const std::string restricted =
        direction + ".sync_restrict::shared::" + (direction == "acquire" ? "cluster" : "cta") + ".cluster;";
    CHECK(run("fence.proxy.async::generic." + restricted + " fence." + restricted + " fence.gpu;",
              "fence.gpu; fence.proxy.async.shared::cluster; fence.proxy.async.shared::cta;") == 77);
  }
}

TEST_CASE("a generic address of every state space, there and back, and what isspacep says of it") {
  const Device device("sm_90a");
  const std::string globals = ".global .align 4 .b8 g[16];\n.const .align 4 .b8 c[16];\n.shared .align 4 .b8 s[16];\n";
  const std::vector<std::pair<std::string, std::string>> spaces = {
      {"global", "g"},  {"shared", "s"}, {"shared::cta", "s"}, {"shared::cluster", "s"},
      {"local", "loc"}, {"const", "c"},  {"param", "data"},    {"param::entry", "data"}};
  for (const auto &[space, variable] : spaces) {
    std::string body = ".local .align 4 .b8 loc[16]; mov.b64 %y0, " + variable + "; add.u64 %y0, %y0, 8; cvta." +
                       space + ".u64 %y1, %y0; cvta.to." + space +
                       ".u64 %y2, %y1; setp.eq.u64 %q0, %y0, %y2; selp.b32 %v, 1, "
                       "0, %q0; mul.lo.u32 %v, %v, 0x10000;\n";
    for (std::size_t k = 0; k < spaces.size(); ++k)
      body += "isspacep." + spaces[k].first + " %q1, %y1; @%q1 or.b32 %v, %v, " + std::to_string(1u << k) + ";\n";
    const bool isShared = space.starts_with("shared"), isParam = space.starts_with("param");
    u32 want = 0x10000;
    for (std::size_t k = 0; k < spaces.size(); ++k) {
      const std::string &asked = spaces[k].first;
      const bool same = isShared  ? asked.starts_with("shared")
                        : isParam ? asked.starts_with("param") || asked == "global" // parameters lie in its window
                                  : asked == space;
      want |= same << k;
    }
    INFO(space);
    CHECK(threads(body, 1, "sm_90a", globals) == std::vector<u32>{want});
  }
}

TEST_CASE("cp.async in every form: operators, prefetch sizes, shorter sources, ignored sources") {
  const Device device("sm_90a");
  std::vector<std::uint8_t> source(512);
  for (unsigned k = 0; k < 512; ++k) source[k] = static_cast<std::uint8_t>(k * 7 + 1);
  const Array<std::uint8_t> in(source);
  for (const unsigned size : {4u, 8u, 16u})
    for (unsigned turn = 0; turn < 8; ++turn)
      for (const std::string rest : {"", "short", "ignored", "hint"}) {
        const std::string n = std::to_string(size), op = size == 16 ? "ca|cg" : "ca";
        const std::string opcode =
            nthForm("cp.async." + op + ".shared|shared::cta.global." + (rest == "hint" ? "L2::cache_hint." : "") +
                        "[L2::64B|L2::128B|L2::256B]",
                    turn);
        const std::string extra = rest == "short"     ? ", %x2"
                                  : rest == "ignored" ? ", %q0"
                                  : rest == "hint"    ? ", %pol"
                                                      : "";
        Kernel kernel(kernelText(
            ".param .u64 p, .param .u64 q",
            ".reg .b32 %l, %x<4>; .reg .b64 %p, %q, %pol; .reg .pred %q0; mov.u32 %l, %tid.x; ld.param.b64 %p, [p]; "
            "ld.param.b64 %q, [q]; createpolicy.fractional.L2::evict_last.b64 %pol, 0.5;\n"
            "mad.wide.u32 %p, %l, " +
                n + ", %p; mad.wide.u32 %q, %l, " + n +
                ", %q; mov.u32 %x0, s; mad.lo.u32 %x0, "
                "%l, " +
                n + ", %x0; rem.u32 %x2, %l, " + n + "; and.b32 %x3, %l, 1; setp.eq.u32 %q0, %x3, 1;\n" + opcode +
                " [%x0], [%q], " + n + extra + "; cp.async.wait_all;\n" + copyWordsOf(size),
            "sm_90a", ".shared .align 16 .b8 s[512];\n"));
        const Array<std::uint8_t> out(512);
        kernel({}, out.address(), in.address());
        std::vector<std::uint8_t> got(32 * size);
        out.read(got.data(), got.size());
        INFO(opcode << " " << rest);
        for (unsigned k = 0; k < 32 * size; ++k) {
          const unsigned lane = k / size;
          const bool taken = rest == "short" ? k % size < lane % size : rest != "ignored" || lane % 2 == 0;
          REQUIRE(got[k] == (taken ? source[k] : 0));
        }
      }
}

TEST_CASE("prefetches, priorities and policies change nothing") {
  const Device device("sm_90a");
  std::string body = ".local .align 16 .b8 loc[16]; st.local.b32 [loc], 5; prefetch.local.L1 [loc]; prefetch.local.L2 "
                     "[loc]; prefetchu.L1 [%p]; mov.b64 %t, data; cvta.param.u64 %t, %t;\n"
                     "prefetch.param.tensormap [data]; prefetch.tensormap [%t]; prefetch.const.tensormap [c];\n"
                     "applypriority.global.L2::evict_normal [%p], 128; applypriority.L2::evict_normal [%p], 128;\n";
  for (const std::string where :
       {"L1", "L2", "global.L1", "global.L2", "global.L2::evict_last", "global.L2::evict_normal"})
    body += "prefetch." + where + " [%p];\n";
  std::vector<std::string> policies;
  for (const std::string first : {"evict_last", "evict_normal", "evict_first", "evict_unchanged"})
    for (const std::string second : {"", ".L2::evict_first", ".L2::evict_unchanged"}) {
      policies.push_back("fractional.L2::" + first + second + ".b64 %pol");
      policies.push_back("fractional.L2::" + first + second + ".b64 %pol, 0.25");
      policies.push_back("range.global.L2::" + first + second + ".b64 %pol, [%p], 0x100000, 0x200000");
      policies.push_back("range.L2::" + first + second + ".b64 %pol, [%p], %x, 4096");
    }
  policies.push_back("cvt.L2.b64 %pol, 0x3ff");
  policies.push_back("cvt.L2.b64 %pol, %t");
  for (const std::string &policy : policies)
    body += "createpolicy." + policy +
            "; ld.global.L2::cache_hint.b32 %x, [%p], %pol; add.u32 %x, %x, 1; "
            "st.global.L2::cache_hint.b32 [%p], %x, %pol;\n";
  body += "ld.local.b32 %x, [loc]; st.global.b32 [%p+4], %x;";
  Kernel kernel(kernelText(".param .u64 p, .param .align 64 .b8 data[128]",
                           ".reg .b32 %x; .reg .b64 %p, %t, %pol; ld.param.b64 %p, [p]; mov.b32 %x, 8192;\n" + body,
                           "sm_90a", ".const .align 64 .b8 c[128];\n"));
  const Array<u32> p(std::vector<u32>(32, 0));
  struct alignas(64) Data {
    std::uint8_t bytes[128];
  };
  kernel({.blockX = 1}, p.address(), Data{});
  CHECK(p.get()[0] == policies.size());
  CHECK(p.get()[1] == 5);
}

TEST_CASE("ldmatrix and stmatrix by .shared, .shared::cta and generic addresses") {
  const Device device("sm_120a");
  std::vector<std::string> forms;
  for (const std::string x : {"1", "2", "4"}) {
    forms.push_back(x + " m8n8.x" + x + " b16");
    forms.push_back(x + " m8n8.x" + x + ".trans b16");
    for (const std::string t : {"b8x16.b6x16_p32", "b8x16.b4x16_p64"}) forms.push_back(x + " m8n16.x" + x + " " + t);
  }
  for (const std::string t : {"b8", "b8x16.b6x16_p32", "b8x16.b4x16_p64"}) {
    forms.push_back("2 m16n16.x1.trans " + t);
    forms.push_back("4 m16n16.x2.trans " + t);
  }
  std::vector<std::string> stores = {"m8n8.x# b16", "m8n8.x#.trans b16", "m16n8.x#.trans b8"};
  const auto address = [](const std::string &space) { return space.empty() ? "[%g]" : "[%m]"; };
  const auto run = [&](const std::string &form, const std::string &space, bool isStore) {
    const std::size_t a = form.find(' '), b = form.rfind(' ');
    const unsigned count = static_cast<unsigned>(form[0] - '0');
    const std::string list = count == 1 ? "{%x0}" : count == 2 ? "{%x0, %x1}" : "{%x0, %x1, %x2, %x3}";
    const std::string name = (isStore ? "stmatrix" : "ldmatrix") + std::string(".sync.aligned.") +
                             form.substr(a + 1, b - a - 1) + (space.empty() ? "" : "." + space) + form.substr(b);
    std::string text = name;
    text[name.rfind(' ')] = '.';
    text += isStore ? " " + std::string(address(space)) + ", " + list : " " + list + ", " + address(space);
    Kernel kernel(kernelText(
        ".param .u64 p",
        ".reg .b32 %x<4>, %m, %l, %v; .reg .b64 %p, %g; mov.u32 %l, %tid.x; mov.u32 %m, s; mad.lo.u32 %m, %l, 16, %m;\n"
        "mul.lo.u32 %x0, %l, 0x9e3779b1; add.u32 %x1, %x0, 0x7f4a7c15; xor.b32 %x2, %x1, 0x5bd1e995; not.b32 %x3, "
        "%x1;\n"
        "cvt.u64.u32 %g, %m; cvta.shared.u64 %g, %g; st.shared.v4.b32 [%m], {%x0, %x1, %x2, %x3}; bar.sync 0;\n" +
            text +
            "; bar.sync 0; ld.param.b64 %p, [p]; mad.wide.u32 %p, %l, 32, %p; st.global.v4.b32 [%p], {%x0, %x1, %x2, "
            "%x3}; ld.shared.v4.b32 {%x0, %x1, %x2, %x3}, [%m]; st.global.v4.b32 [%p+16], {%x0, %x1, %x2, %x3};",
        "sm_120a", ".shared .align 16 .b8 s[512];\n"));
    const Array<u32> out(256);
    kernel({}, out.address());
    return out.get();
  };
  for (const bool isStore : {false, true}) {
    std::vector<std::string> all = forms;
    if (isStore) {
      all.clear();
      for (const std::string &store : stores)
        for (const char x : {'1', '2', '4'}) {
          std::string form = std::string(1, x) + " " + store;
          form[form.find('#')] = x;
          all.push_back(form);
        }
    }
    for (const std::string &form : all) {
      INFO(form);
      const auto want = run(form, "shared", isStore);
      CHECK(run(form, "shared::cta", isStore) == want);
      CHECK(run(form, "", isStore) == want);
    }
  }
}

} // namespace sage::simtest
