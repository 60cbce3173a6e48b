// The in-memory cache. Two maps of entries, artifacts by request and kernels by (device, request); an entry is made
// by whoever asks first, outside the lock, and awaited by those who ask for the same key meanwhile. The map's lock is
// held for look-ups only.
#include "sage/runtime/Kernel.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <map>
#include <mutex>

namespace sage {
namespace {

/// Those who wait must always be told: what the standard library throws (out of memory) becomes an error too.
template <class Value, class Make> Result<Value> attempt(Make &make) {
  try {
    return make();
  } catch (const std::exception &error) {
    return internalError(std::string("while making a kernel: ") + error.what());
  }
}

/// Values by key, each made once by however many threads ask at the same time.
template <class Value> class OnceMap {
public:
  template <class Make> Result<Value> get(const std::string &key, Make make) {
    std::unique_lock lock(mutex);
    auto [position, isNew] = entries.try_emplace(key);
    if (isNew) position->second = std::make_shared<Entry>();
    std::shared_ptr<Entry> entry = position->second;
    if (!isNew) {
      ++hitCount;
      ready.wait(lock, [&] { return entry->done; });
      if (entry->failure.ok()) return entry->value;
      return entry->failure;
    }
    lock.unlock();
    Result<Value> made = attempt<Value>(make);
    lock.lock();
    entry->done = true;
    if (made.ok()) {
      entry->value = *made;
    } else {
      // Those who wait get this failure; the next to ask tries again.
      entry->failure = made.status();
      if (auto current = entries.find(key); current != entries.end() && current->second == entry)
        entries.erase(current);
    }
    lock.unlock();
    ready.notify_all();
    return made;
  }

  void clear() {
    std::map<std::string, std::shared_ptr<Entry>> old; // destroyed after the lock: values may take calls of the driver
    std::lock_guard lock(mutex);
    old.swap(entries);
  }

  std::uint64_t hits() const { return hitCount; }

private:
  struct Entry {
    bool done = false;
    Value value{};
    Status failure;
  };
  std::mutex mutex;
  std::condition_variable ready;
  std::atomic<std::uint64_t> hitCount = 0;
  std::map<std::string, std::shared_ptr<Entry>> entries;
};

} // namespace

struct KernelCache::State {
  std::string compilerPath;
  OnceMap<CompilerRef> compiler;
  OnceMap<std::shared_ptr<const Artifact>> artifacts;
  OnceMap<KernelRef> kernels;
  std::atomic<std::uint64_t> compilations = 0;
};

KernelCache::KernelCache(std::string compilerPath) : state(std::make_unique<State>()) {
  state->compilerPath = std::move(compilerPath);
}
KernelCache::~KernelCache() = default;

Result<std::shared_ptr<const Artifact>> KernelCache::artifact(const CompileRequest &request) {
  using Value = std::shared_ptr<const Artifact>;
  SAGE_ASSIGN(CompilerRef compiler,
              state->compiler.get("", [&] { return CompilerLibrary::open(state->compilerPath); }));
  // The request as text is the key, in full rather than hashed: program, parameters, schedule and arch, keys sorted.
  const std::string key = compiler->id() + '\n' + request.json();
  return state->artifacts.get(key, [&]() -> Result<Value> {
    ++state->compilations;
    SAGE_ASSIGN(Artifact made, compiler->compileArtifact(request));
    return Value(std::make_shared<Artifact>(std::move(made)));
  });
}

Result<KernelRef> KernelCache::kernel(const DeviceRef &device, const CompileRequest &request) {
  SAGE_ASSIGN(std::shared_ptr<const Artifact> made, artifact(request));
  char address[32];
  std::snprintf(address, sizeof address, "%p\n", static_cast<void *>(device.get()));
  return state->kernels.get(address + request.json(), [&] { return Kernel::load(device, made); });
}

void KernelCache::clear() {
  state->kernels.clear();
  state->artifacts.clear();
}

KernelCache::Statistics KernelCache::statistics() const { return {state->artifacts.hits(), state->compilations}; }

} // namespace sage
