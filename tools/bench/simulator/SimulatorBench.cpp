// Measures the simulator, all checks on: lane-instructions per second in an attention kernel of head dimension 64 and
// in plain element-wise code, the time of one mma.sync and of one wgmma. It does not measure a GPU, and says nothing
// about how fast these kernels would be on one.
//
//   simulator-bench [--seconds S] [--ptx FILE]
//
// The results of the two kernels are compared with plain C++ first; a wrong one ends the program with status 1.
// Standard output is one JSON object.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tools/simulator/driver/Api.h"

namespace {

using namespace sage::cuda;

void check(Result result, const char *what) {
  if (result == Result::Success) return;
  const char *name = nullptr;
  cuGetErrorName(result, &name);
  std::fprintf(stderr, "simulator-bench: %s: %s\n", what, name ? name : "unknown error");
  std::exit(1);
}

DevicePtr upload(const void *data, std::size_t bytes) {
  DevicePtr pointer = 0;
  check(cuMemAlloc_v2(&pointer, bytes), "allocation");
  if (data) check(cuMemcpyHtoD_v2(pointer, data, bytes), "copy");
  return pointer;
}

Function load(const std::string &ptx, const char *name) {
  char log[1024] = "";
  JitOption options[] = {JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  Module module = nullptr;
  const Result result = cuModuleLoadDataEx(&module, ptx.c_str(), 2, options, values);
  if (result != Result::Success) std::fprintf(stderr, "%s", log);
  check(result, "module");
  Function function = nullptr;
  check(cuModuleGetFunction(&function, module, name), "kernel");
  return function;
}

/// The number behind "KEY": in the counters of kernel NAME.
double counter(const std::string &name, const std::string &key) {
  const std::string all = sagesimCounters();
  const std::size_t kernel = all.find("\"name\":\"" + name + "\"");
  const std::size_t at = kernel == std::string::npos ? kernel : all.find("\"" + key + "\":", kernel);
  return at == std::string::npos ? 0 : std::strtod(all.c_str() + at + key.size() + 3, nullptr);
}

/// Seconds of each run, best first, for at least SECONDS in all.
template <class Run> std::vector<double> measure(double seconds, Run run) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  double total = 0;
  while (total < seconds || times.size() < 5) {
    const auto start = Clock::now();
    run();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return times;
}

/// Q and K in INT8 with a scale for 128 queries and for 64 keys, V in f16: the arguments of attention.tile.
class Attention {
public:
  static constexpr std::int64_t heads = 4, tokens = 1024, dim = 64, blockQ = 128, blockK = 64;

  explicit Attention(const std::string &ptx) : function(load(ptx, "attention")) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const auto quantised = [&] {
      return static_cast<std::int8_t>(std::clamp(std::lround(normal(random) * 40), -127l, 127l));
    };
    std::generate(q.begin(), q.end(), quantised);
    std::generate(k.begin(), k.end(), quantised);
    for (auto &x : v) x = static_cast<_Float16>(normal(random));
    for (auto &x : sq) x = 0.02f + 0.002f * static_cast<float>(random() % 10);
    for (auto &x : sk) x = 0.02f + 0.002f * static_cast<float>(random() % 10);
    pq = upload(q.data(), q.size()), pk = upload(k.data(), k.size()), pv = upload(v.data(), 2 * v.size());
    psq = upload(sq.data(), 4 * sq.size()), psk = upload(sk.data(), 4 * sk.size()), po = upload(nullptr, 2 * v.size());
    check(cuFuncSetAttribute(function, FunctionAttribute::MaxDynamicSharedSizeBytes, sharedBytes), "shared memory");
  }

  void run() {
    std::int64_t one = 1, h = heads, n = tokens, headStride = tokens * dim, rowStride = dim, all = heads * headStride;
    std::int64_t qBlocks = tokens / blockQ, kBlocks = tokens / blockK, allQ = heads * qBlocks, allK = heads * kBlocks;
    void *arguments[] = {&pq,        &all, &headStride, &rowStride, &psq, &allQ, &qBlocks,
                         &pk,        &all, &headStride, &rowStride, &psk, &allK, &kBlocks,
                         &pv,        &all, &headStride, &rowStride, &po,  &all,  &headStride,
                         &rowStride, &one, &h,          &n,         &h,   &n,    &fold};
    check(cuLaunchKernel(function, static_cast<unsigned>(qBlocks), heads, 1, 128, 1, 1, sharedBytes, nullptr, arguments,
                         nullptr),
          "launch");
  }

  /// Relative L1 error of some rows against double precision.
  double error() {
    std::vector<_Float16> o(v.size());
    check(cuMemcpyDtoH_v2(o.data(), po, 2 * o.size()), "copy");
    double difference = 0, size = 0;
    for (std::int64_t row = 0; row < heads * tokens; row += 37) {
      const std::vector<double> exact = exactRow(row);
      for (std::int64_t d = 0; d < dim; ++d) {
        difference += std::fabs(exact[static_cast<std::size_t>(d)] -
                                static_cast<double>(o[static_cast<std::size_t>(row * dim + d)]));
        size += std::fabs(exact[static_cast<std::size_t>(d)]);
      }
    }
    return difference / size;
  }

private:
  static constexpr int sharedBytes = 24576;

  std::vector<double> exactRow(std::int64_t row) const {
    const std::int64_t head = row / tokens;
    std::vector<double> s(tokens), result(dim);
    double top = -1e300, sum = 0;
    for (std::int64_t j = 0; j < tokens; ++j) {
      int dot = 0;
      for (std::int64_t d = 0; d < dim; ++d)
        dot += q[static_cast<std::size_t>(row * dim + d)] * k[static_cast<std::size_t>((head * tokens + j) * dim + d)];
      s[static_cast<std::size_t>(j)] = dot * static_cast<double>(sq[static_cast<std::size_t>(row / blockQ)]) *
                                       sk[static_cast<std::size_t>((head * tokens + j) / blockK)] * fold;
      top = std::max(top, s[static_cast<std::size_t>(j)]);
    }
    for (double &x : s) sum += x = std::exp2(x - top);
    for (std::int64_t j = 0; j < tokens; ++j)
      for (std::int64_t d = 0; d < dim; ++d)
        result[static_cast<std::size_t>(d)] +=
            s[static_cast<std::size_t>(j)] / sum *
            static_cast<double>(v[static_cast<std::size_t>((head * tokens + j) * dim + d)]);
    return result;
  }

  Function function;
  float fold = 1.4426950408889634f / 8;
  std::vector<std::int8_t> q = std::vector<std::int8_t>(heads * tokens * dim), k = q;
  std::vector<_Float16> v = std::vector<_Float16>(heads * tokens * dim);
  std::vector<float> sq = std::vector<float>(heads * tokens / blockQ), sk = std::vector<float>(heads * tokens / blockK);
  DevicePtr pq = 0, pk = 0, pv = 0, psq = 0, psk = 0, po = 0;
};

/// y = a x + y, a thread an element, the last block partly beyond the end: two loads, one store, no divergence
/// elsewhere.
class Axpy {
public:
  static constexpr unsigned count = (1u << 21) - 77;

  Axpy() : function(load(text, "axpy")) {
    for (unsigned i = 0; i < count; ++i) x[i] = static_cast<float>(i % 1000), y[i] = static_cast<float>(i % 7);
    px = upload(x.data(), 4 * x.size()), py = upload(y.data(), 4 * y.size());
  }

  void run() {
    unsigned n = count;
    void *arguments[] = {&px, &py, &a, &n};
    check(cuLaunchKernel(function, (count + 255) / 256, 1, 1, 256, 1, 1, 0, nullptr, arguments, nullptr), "launch");
  }

  /// After one run; every value is exact in f32.
  bool right() {
    std::vector<float> out(count);
    check(cuMemcpyDtoH_v2(out.data(), py, 4 * out.size()), "copy");
    for (unsigned i = 0; i < count; ++i)
      if (out[i] != a * x[i] + y[i]) return false;
    return true;
  }

private:
  static constexpr const char *text = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry axpy(.param .u64 x, .param .u64 y, .param .f32 a, .param .u32 n)
{ .reg .b32 %r<6>; .reg .b64 %rd<6>; .reg .f32 %f<5>; .reg .pred %p;
ld.param.u64 %rd0, [x]; ld.param.u64 %rd1, [y]; ld.param.f32 %f0, [a]; ld.param.u32 %r0, [n];
mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mad.lo.s32 %r4, %r1, %r2, %r3;
setp.ge.u32 %p, %r4, %r0; @%p bra DONE;
cvta.to.global.u64 %rd0, %rd0; cvta.to.global.u64 %rd1, %rd1; mul.wide.u32 %rd2, %r4, 4;
add.s64 %rd3, %rd0, %rd2; add.s64 %rd4, %rd1, %rd2;
ld.global.f32 %f1, [%rd3]; ld.global.f32 %f2, [%rd4]; fma.rn.f32 %f3, %f0, %f1, %f2; st.global.f32 [%rd4], %f3;
DONE: ret; })";

  Function function;
  float a = 0.5f;
  std::vector<float> x = std::vector<float>(count), y = x;
  DevicePtr px = 0, py = 0;
};

/// Microseconds that a warpgroup takes for one wgmma m64n128k32 of INT8, both tiles in shared memory without a swizzle.
double wgmmaTime(double seconds) {
  std::string sums;
  for (int i = 0; i < 64; ++i) sums += (i ? ",%r" : "%r") + std::to_string(i);
  std::string clear, products;
  for (int i = 0; i < 64; ++i) clear += "mov.b32 %r" + std::to_string(i) + ", 0;\n";
  for (int i = 0; i < 4; ++i)
    products += "wgmma.mma_async.sync.aligned.m64n128k32.s32.s8.s8 {" + sums + "}, %da, %db, 1;\n";
  const Function function = load(R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry wgmma_s8()
{ .reg .b32 %r<64>, %n, %t, %s; .reg .b64 %da, %db; .reg .pred %p; .shared .align 1024 .b8 tiles[6144];
mov.u32 %t, %tid.x; mov.u32 %n, tiles; mad.lo.u32 %s, %t, 48, %n;
st.shared.v4.b32 [%s], {%t,%t,%t,%t}; st.shared.v4.b32 [%s+16], {%t,%t,%t,%t}; st.shared.v4.b32 [%s+32], {%t,%t,%t,%t};
fence.proxy.async; bar.sync 0;
shr.u32 %n, %n, 4; cvt.u64.u32 %da, %n; add.u64 %db, %da, 128;
or.b64 %da, %da, 0x0000001000080000; or.b64 %db, %db, 0x0000001000080000;
)" + clear + R"(mov.b32 %n, 0; wgmma.fence.sync.aligned;
LOOP: )" + products + R"(wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; wgmma.fence.sync.aligned;
add.u32 %n, %n, 1; setp.lt.u32 %p, %n, 100; @%p bra LOOP; ret; })",
                                 "wgmma_s8");
  const auto times = measure(
      seconds, [&] { check(cuLaunchKernel(function, 1, 1, 1, 128, 1, 1, 0, nullptr, nullptr, nullptr), "launch"); });
  return times.front() / 400 * 1e6;
}

/// Nanoseconds that one warp takes for one mma.sync, from a loop of 16 of them.
double mmaTime(const std::string &name, const std::string &form, double seconds) {
  std::string body;
  for (int i = 0; i < 16; ++i)
    body += "mma.sync.aligned." + form + " {%r0,%r1,%r2,%r3}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%r0,%r1,%r2,%r3};\n";
  const Function function = load(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry " + name + R"(()
{ .reg .b32 %r<4>, %a<4>, %b<2>, %n; .reg .pred %p; mov.b32 %r0, 0; mov.b32 %r1, 0; mov.b32 %r2, 0; mov.b32 %r3, 0;
mov.u32 %a0, %tid.x; mov.b32 %a1, %a0; mov.b32 %a2, %a0; mov.b32 %a3, %a0; mov.b32 %b0, %a0; mov.b32 %b1, %a0;
mov.b32 %n, 0;
LOOP: )" + body + "add.u32 %n, %n, 1; setp.lt.u32 %p, %n, 1000; @%p bra LOOP; ret; }\n",
                                 name.c_str());
  const auto times = measure(
      seconds, [&] { check(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr), "launch"); });
  return times.front() / 16000 * 1e9;
}

void printRate(const char *name, double lanes, const std::vector<double> &times) {
  std::printf("\"%s\": {\"lane_instructions\": %.0f, \"runs\": %zu, \"best_lane_instructions_per_s\": %.4g, "
              "\"median_lane_instructions_per_s\": %.4g},\n ",
              name, lanes, times.size(), lanes / times.front(), lanes / times[times.size() / 2]);
}

std::string readFile(const std::string &path) {
  const std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace

int main(int argc, char **argv) {
  double seconds = 2;
  std::string path = SAGESIM_BENCH_PTX;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0)
      seconds = std::atof(argv[i + 1]);
    else if (std::strcmp(argv[i], "--ptx") == 0)
      path = argv[i + 1];
    else
      return std::fprintf(stderr, "usage: simulator-bench [--seconds S] [--ptx FILE]\n"), 2;
  }
  check(sagesimConfigure("sm_90a"), "device");
  check(cuInit(0), "init");
  Context context = nullptr;
  check(cuDevicePrimaryCtxRetain(&context, 0), "context");
  check(cuCtxSetCurrent(context), "context");
  Attention attention(readFile(path));
  attention.run();
  const double error = attention.error();
  Axpy axpy;
  axpy.run();
  const bool right = axpy.right();
  std::printf("{");
  printRate("attention_d64", counter("attention", "lane_instructions"), measure(seconds, [&] { attention.run(); }));
  printRate("axpy", counter("axpy", "lane_instructions"), measure(seconds, [&] { axpy.run(); }));
  std::printf("\"relative_l1\": %.3g,\n \"mma_ns\": {\"m16n8k32_s8\": %.1f, \"m16n8k16_f16_f32\": %.1f},\n"
              " \"wgmma_us\": {\"m64n128k32_s8\": %.2f},\n \"host_threads\": %u}\n",
              error, mmaTime("mma_s8", "m16n8k32.row.col.s32.s8.s8.s32", seconds / 4),
              mmaTime("mma_f16", "m16n8k16.row.col.f32.f16.f16.f32", seconds / 4), wgmmaTime(seconds / 4),
              std::thread::hardware_concurrency());
  return error < 1e-3 && right ? 0 : 1;
}
