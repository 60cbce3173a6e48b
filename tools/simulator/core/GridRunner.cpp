// Distribution of clusters of blocks over host threads, and the sum of their counters.
//
// Every worker runs one cluster at a time to its end; without clusters that is one block. One that waits may do so for
// another one (through a flag in global memory), so the worker then starts further ones beside it, up to what would be
// resident on the GPU. So it does, after a while, beside one that takes long: not every wait can be seen.
#include "core/GridRunner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
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
      waiting = 0;
      for (std::size_t k = 0; k < busy.size() && !shared.stop;) k += stepOne(k);
      turns = busy.size() == before ? turns + 1 : 0;
      // As many again: a launch whose blocks all wait for the last one does not take turns for each of them.
      std::size_t company = waiting == busy.size() ? waiting : turns == turnsBeforeCompany ? 1 : 0;
      if (company != 0) turns = 0;
      for (; company != 0 && shared.resident < shared.maxResident && startOne(); --company) {
      }
    }
  }

  std::string lateText() const {
    const std::uint64_t begun = std::min<std::uint64_t>(shared.next, shared.clusterCount), running = shared.resident;
    const bool clusters = shared.launch.cluster != std::array<std::uint32_t, 3>{1, 1, 1};
    char text[200];
    std::snprintf(text, sizeof text,
                  "no block of the launch has ended for %.3g seconds: of %" PRIu64 " %s %" PRIu64 " ended, %" PRIu64
                  " run, %" PRIu64 " have not started",
                  shared.launch.timeoutSeconds, shared.clusterCount, clusters ? "clusters" : "blocks", begun - running,
                  running, shared.clusterCount - begun);
    return text;
  }

  bool isLate() const {
    return shared.launch.timeoutSeconds > 0 &&
           static_cast<double>(nowNs() - shared.lastEnd) > shared.launch.timeoutSeconds * 1e9;
  }

  static bool isUnfinished(ClusterRunner::Progress p) {
    return p == ClusterRunner::Progress::Unfinished || p == ClusterRunner::Progress::Waiting;
  }

  /// 1 when the cluster at K stays.
  std::size_t stepOne(std::size_t k) {
    ClusterRunner::Progress progress = busy[k]->step(roundsAtATime);
    if (isUnfinished(progress) && isLate()) {
      busy[k]->giveUp(lateText());
      progress = ClusterRunner::Progress::Faulted;
    }
    waiting += progress == ClusterRunner::Progress::Waiting;
    if (isUnfinished(progress)) return 1;
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
  std::size_t waiting = 0; ///< of the busy ones, in this turn
};

} // namespace

LaunchOutcome runGrid(Launch &launch, unsigned hostThreads) {
  if (launch.program->usesHeap)
    launch.memory->heap().prepare(*launch.memory, launch.heapBytes); // malloc gives null without
  const std::uint64_t size = std::uint64_t{launch.cluster[0]} * launch.cluster[1] * launch.cluster[2];
  const std::uint64_t blocks = std::uint64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2],
                      clusters = blocks / size;
  if (launch.checks.watchGlobal()) {
    launch.memory->segments().startLaunch();
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
