// Distribution of clusters of blocks over host threads, and the sum of their counters.
//
// Every worker runs one cluster at a time to its end; without clusters that is one block. One that takes long may be
// waiting for another one (through a flag in global memory), so after a while the worker starts further ones beside it,
// up to what would be resident on the GPU.
#include "core/GridRunner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "core/ClusterRunner.h"
#include "memory/DeviceHeap.h"

namespace sage::sim {
namespace {

constexpr unsigned roundsAtATime = 64; // then the clock is looked at, and the next cluster has its turn
constexpr unsigned turnsBeforeCompany = 16;

std::int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Shared {
  Launch &launch;
  std::uint64_t clusterCount;
  std::uint64_t maxResident; ///< clusters
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> resident{0};
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> lastEnd{nowNs()}; ///< when a cluster ended, or the launch began
  std::mutex mutex;
  LaunchOutcome outcome;
};

class Worker {
public:
  explicit Worker(Shared &s) : shared(s), counts(s.launch.program->blocks.size()) {}

  void run() {
    try {
      loop();
    } catch (const std::bad_alloc &) {
      shared.stop = true;
      const std::lock_guard lock(shared.mutex);
      shared.outcome.outOfMemory = true;
    }
    report();
  }

private:
  bool startOne() {
    const std::uint64_t index = shared.next.fetch_add(1);
    if (index >= shared.clusterCount) return false;
    if (idle.empty()) idle.push_back(std::make_unique<ClusterRunner>(shared.launch, stats, counts));
    busy.push_back(std::move(idle.back()));
    idle.pop_back();
    busy.back()->start(index);
    ++shared.resident;
    return true;
  }

  void loop() {
    unsigned turns = 0; // since a cluster ended or came
    while (!shared.stop) {
      if (busy.empty() && !startOne()) return;
      const std::size_t before = busy.size();
      for (std::size_t k = 0; k < busy.size() && !shared.stop;) k += stepOne(k);
      turns = busy.size() == before ? turns + 1 : 0;
      if (turns < turnsBeforeCompany) continue;
      // All clusters at hand are slow: perhaps they wait for one that has not started.
      if (shared.resident < shared.maxResident) startOne();
      turns = 0;
    }
  }

  bool isLate() const {
    return shared.launch.timeoutSeconds > 0 &&
           static_cast<double>(nowNs() - shared.lastEnd) > shared.launch.timeoutSeconds * 1e9;
  }

  /// 1 when the cluster at K stays.
  std::size_t stepOne(std::size_t k) {
    ClusterRunner::Progress progress = busy[k]->step(roundsAtATime);
    if (progress == ClusterRunner::Progress::Unfinished && isLate()) {
      busy[k]->giveUp(shared.launch.timeoutSeconds);
      progress = ClusterRunner::Progress::Faulted;
    }
    if (progress == ClusterRunner::Progress::Unfinished) return 1;
    if (progress == ClusterRunner::Progress::Faulted) {
      shared.stop = true;
      const std::lock_guard lock(shared.mutex);
      if (!shared.outcome.violation) shared.outcome.violation = busy[k]->violation();
    }
    shared.lastEnd = nowNs();
    idle.push_back(std::move(busy[k]));
    busy.erase(busy.begin() + static_cast<std::ptrdiff_t>(k));
    --shared.resident;
    return 0;
  }

  // Predicated-off lanes were subtracted while running; the rest comes from the visits of basic blocks.
  void report() {
    const Program &p = *shared.launch.program;
    for (std::size_t b = 0; b < counts.size(); ++b)
      for (std::size_t c = 0; c < unitClassCount; ++c) {
        stats.warpInstructions[c] += counts[b].warps * p.blocks[b].classes[c];
        stats.laneInstructions[c] += counts[b].lanes * p.blocks[b].classes[c];
      }
    const std::lock_guard lock(shared.mutex);
    shared.outcome.counters.add(stats);
  }

  Shared &shared;
  std::vector<BlockCount> counts;
  Counters stats;
  std::vector<std::unique_ptr<ClusterRunner>> busy, idle;
};

} // namespace

LaunchOutcome runGrid(Launch &launch, unsigned hostThreads) {
  if (launch.program->usesHeap) launch.memory->heap().prepare(*launch.memory, launch.heapBytes); // malloc gives null without
  const std::uint64_t size = std::uint64_t{launch.cluster[0]} * launch.cluster[1] * launch.cluster[2];
  const std::uint64_t blocks = std::uint64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2],
                      clusters = blocks / size;
  if (launch.checks.on(ViolationKind::GlobalRace)) {
    launch.memory->startLaunch();
    if (blocks > 1) launch.sync = std::make_shared<SyncTable>(launch.memory->segments());
  }
  Shared shared{launch, clusters, launch.residentBlocks / size, {}, {}, {}, nowNs(), {}, {}};
  if (hostThreads == 0) hostThreads = std::max(1u, std::thread::hardware_concurrency());
  const auto workers = static_cast<unsigned>(std::min<std::uint64_t>(hostThreads, shared.clusterCount));
  std::vector<std::thread> threads;
  for (unsigned k = 1; k < workers; ++k) {
    try {
      threads.emplace_back([&shared] { Worker(shared).run(); });
    } catch (const std::system_error &) {
      break; // fewer threads do the same work
    }
  }
  Worker(shared).run();
  for (std::thread &t : threads) t.join();
  return std::move(shared.outcome);
}

} // namespace sage::sim
