// The compiler behind dlopen and the kernel cache, on a fake compiler: what is a key, who compiles, who waits, what a
// failure leaves.
#include "sage/runtime/Kernel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <dlfcn.h>
#include <thread>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

int compilerCalls() {
  static auto calls = reinterpret_cast<int (*)()>(dlsym(dlopen(FAKE_COMPILER, RTLD_NOW), "fakeCompilerCalls"));
  return calls();
}

void release(bool value) {
  static auto set = reinterpret_cast<void (*)(int)>(dlsym(dlopen(FAKE_COMPILER, RTLD_NOW), "fakeCompilerRelease"));
  set(value);
}

CompileRequest request(const std::string &text) {
  CompileRequest result;
  result.programName = "p.tile";
  result.programText = text;
  result.arch = "sm_80";
  result.parameters = {{"D", "64"}};
  return result;
}

} // namespace

TEST_CASE("an equal request is compiled once, a different one again") {
  KernelCache cache(FAKE_COMPILER);
  const int before = compilerCalls();
  Result<std::shared_ptr<const Artifact>> first = cache.artifact(request("one"));
  REQUIRE(first.ok());
  CHECK((*first)->ptx == "// one");
  CHECK(*cache.artifact(request("one")) == *first);
  CHECK(compilerCalls() == before + 1);
  CHECK(cache.statistics().hits == 1);

  std::vector<CompileRequest> others(5, request("one"));
  others[0].parameters["D"] = "128";
  others[1].schedule["warps"] = "8";
  others[2].arch = "sm_90a";
  others[3].programText = "two";
  others[4].kernel = "other";
  for (const CompileRequest &other : others) REQUIRE(cache.artifact(other).ok());
  CHECK(compilerCalls() == before + 6);
  CHECK(cache.statistics().compilations == 6);
}

TEST_CASE("many threads that ask for one kernel compile it once") {
  KernelCache cache(FAKE_COMPILER);
  const int before = compilerCalls();
  release(false);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { good += cache.artifact(request("slow")).ok(); });
  while (compilerCalls() == before) std::this_thread::yield();
  // While that compilation hangs, others are made and found.
  CHECK(cache.artifact(request("quick")).ok());
  CHECK(cache.artifact(request("quick")).ok());
  CHECK(good == 0);
  release(true);
  for (std::thread &thread : threads) thread.join();
  CHECK(good == 8);
  CHECK(compilerCalls() == before + 2);
}

TEST_CASE("a failed compilation carries the diagnostics and is not remembered") {
  KernelCache cache(FAKE_COMPILER);
  const int before = compilerCalls();
  for (int i = 0; i < 2; ++i) {
    const Status status = cache.artifact(request("fail")).status();
    CHECK(status.code() == Code::InvalidInput);
    CHECK(status.message() == "p.tile:3:5: error: no such name");
  }
  CHECK(compilerCalls() == before + 2);
}

TEST_CASE("a compiler's own failure is an internal error") {
  KernelCache cache(FAKE_COMPILER);
  CHECK(cache.artifact(request("internal")).status().code() == Code::Internal);
  CHECK_THAT(cache.artifact(request("garbage")).status().message(), Contains("not a JSON object"));
  CHECK_THAT(cache.artifact(request("badformat")).status().message(), Contains("format 7"));
}

TEST_CASE("a missing compiler is named, and a library that is none is refused") {
  KernelCache cache("/nowhere/libsage_compiler.so");
  const Status status = cache.artifact(request("one")).status();
  CHECK_THAT(status.message(),
             Contains("cannot load the compiler /nowhere/libsage_compiler.so") && Contains("SAGEC_COMPILER"));
  CHECK_THAT(CompilerLibrary::open(FAKE_DRIVER).status().message(), Contains("is not a sage compiler"));
}

TEST_CASE("values on a command line become JSON") {
  CHECK(valueAsJson("64") == "64");
  CHECK(valueAsJson("true") == "true");
  CHECK(valueAsJson("f16") == "\"f16\"");
  CHECK(valueAsJson("\"f16\"") == "\"f16\"");
  CHECK(valueAsJson("{\"slab\": 64, \"bits\": []}") == R"({"bits":[],"slab":64})");
  CHECK(valueAsJson("") == "\"\"");
  CHECK(valueAsJson("a\"b") == "\"a\\\"b\"");
  CHECK(valueAsJson(std::string(100000, '[')).size() == 100002);
}

TEST_CASE("equal requests are equal texts, whatever the order of their parameters") {
  CompileRequest a = request("x"), b = request("x");
  a.parameters = {{"A", "1"}, {"B", "{\"slab\":1,\"bits\":[]}"}};
  b.parameters = {{"B", "{\"bits\":[],\"slab\":1}"}, {"A", "1"}};
  CHECK(a.json() == b.json());
}
