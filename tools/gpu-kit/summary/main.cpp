// kit-summary DIR: the summary of one run on standard output, for a terminal of 80 columns. Reads what run.sh and the
// programs wrote; needs no Python, as the machine of a run may have none. The full picture is the report's.
#include "Results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace {

using namespace sage::kit;

constexpr size_t width = 79;
constexpr const char *hostBoundMark = "*";

// A line, continued with an indent where it is longer than the terminal; bytes that are no printable ASCII become '?'.
void line(std::string text) {
  for (char &c : text)
    if (c < ' ' || c > '~') c = '?';
  const auto print = [](std::string_view piece) {
    std::printf("%.*s\n", int(piece.find_last_not_of(' ') + 1), piece.data());
  };
  text.erase(text.find_last_not_of(' ') + 1);
  while (text.size() > width) {
    size_t cut = text.rfind(' ', width);
    if (cut == std::string::npos || cut < width / 2) cut = width;
    print(std::string_view(text).substr(0, cut));
    text = "      " + text.substr(text.find_first_not_of(' ', cut));
  }
  print(text);
}

std::string padded(std::string text, size_t size) {
  if (text.size() < size) text.resize(size, ' ');
  return text;
}

std::string format(const char *form, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, form, value);
  return buffer;
}

void printHead(const Results &results) {
  const Json &device = results.device;
  const int cuda = int(number(device, "driver").value_or(0)); // 1000 times the version, plus 10 times the minor one
  line("sagec on " + (text(device, "name").empty() ? "an unknown device" : text(device, "name")) + " (" +
       text(device, "arch") + format(", %.0f SMs", number(device, "multiprocessors").value_or(0)) + ", CUDA " +
       std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10) + ")");
  line("commit " + text(results.run, "commit").substr(0, 12) +
       (member(results.run, "dirty") == Json(true) ? " with changes" : "") + ", " + text(results.run, "date") + ", --" +
       text(results.run, "mode"));
  if (results.simulated) line("SIMULATED: results are checked, times mean nothing and are not shown.");
}

void printStages(const Results &results) {
  line("");
  line("Stages");
  for (const Json &stage : objects(results.run, "stages"))
    line("  " + padded(text(stage, "name"), 13) + padded(text(stage, "status"), 12) +
         padded(format("%.0f s", number(stage, "seconds").value_or(0)), 7) + text(stage, "reason"));
  for (const std::string &problem : results.problems) line("  ! " + problem);
}

std::vector<std::string> failures(const Results &results) {
  std::vector<std::string> found;
  for (const Json &one : objects(results.conformance, "cases"))
    for (const Json &check : objects(one, "checks"))
      if (text(check, "status") == "failed")
        found.push_back(text(one, "name") + ": " + text(check, "what") + ": " + text(check, "detail"));
  for (const Json &one : objects(results.attention, "cases"))
    if (text(one, "status") == "failed") found.push_back(text(one, "name") + ": " + text(one, "reason"));
  for (const Json &one : objects(results.attention, "gemm"))
    if (member(one, "verified") == Json(false)) found.push_back("gemm " + text(one, "dtype") + ": wrong result");
  for (const Json &one : objects(results.machine, "measurements"))
    if (member(one, "verified") == Json(false) && text(one, "skipped").empty())
      found.push_back(text(one, "name") + ": " + (text(one, "failed").empty() ? "wrong result" : text(one, "failed")));
  return found;
}

void printChecks(const Results &results) {
  std::map<std::string, int> count;
  for (const Json &one : objects(results.conformance, "cases"))
    for (const Json &check : objects(one, "checks")) ++count[text(check, "status")];
  std::map<std::string, int> cases;
  for (const Json &one : objects(results.attention, "cases")) ++cases[text(one, "status")];
  line("");
  line("Conformance checks: " + std::to_string(count["ok"]) + " passed, " + std::to_string(count["failed"]) +
       " failed, " + std::to_string(count["skipped"]) + " skipped");
  line("Benchmark cases:    " + std::to_string(cases["ok"]) + " ok, " + std::to_string(cases["failed"]) + " failed, " +
       std::to_string(cases["skipped"]) + " skipped");
  const std::vector<std::string> bad = failures(results);
  constexpr size_t most = 12;
  for (size_t k = 0; k < std::min(most, bad.size()); ++k) line("  FAILED " + bad[k]);
  if (bad.size() > most) line("  ... and " + std::to_string(bad.size() - most) + " more");
}

struct Peer {
  std::string name;
  double us;
  bool hostBound;
};

// The fastest 16-bit peer of each shape.
std::map<std::string, Peer> bestPeers(const Results &results) {
  std::map<std::string, Peer> best;
  for (const Json &peer : objects(results.peers, "cases")) {
    const Json &time = member(peer, "time");
    const auto median = medianUs(time);
    if (text(peer, "status") != "ok" || number(peer, "bits") != 16.0 || !median) continue;
    const auto place = best.try_emplace(shapeOf(peer), Peer{"", HUGE_VAL, false}).first;
    if (*median < place->second.us) place->second = {text(peer, "peer"), *median, isHostBound(time)};
  }
  return best;
}

// The peer that is the best on most shapes.
std::string usualPeer(const std::map<std::string, Peer> &best) {
  std::map<std::string, int> wins;
  for (const auto &[shape, peer] : best) ++wins[peer.name];
  const auto fewer = [](const auto &a, const auto &b) { return a.second < b.second; };
  return wins.empty() ? "" : std::max_element(wins.begin(), wins.end(), fewer)->first;
}

// What a row of the table begins with: the shape, with its model's name where it has one.
std::string labelOf(const Json &entry) {
  const std::string shape = shapeOf(entry), model = text(entry, "shape");
  return shape.empty() || model.empty() || model == "grid" ? shape : shape + " " + model;
}

// TOPS of the kernel and end to end; then the ratio to the peer, where there is one.
std::string speedCell(const Json &one, const Peer *peer) {
  const Json &kernel = member(one, "kernel"), &whole = member(one, "end_to_end");
  const auto kernelUs = medianUs(kernel), wholeUs = medianUs(whole);
  if (text(one, "status") != "ok" || !kernelUs || !wholeUs) return text(one, "status");
  std::string cell =
      format("%.0f", operationsOf(one) / *kernelUs / 1e6) + "/" + format("%.0f", operationsOf(one) / *wholeUs / 1e6);
  if (peer) cell += format(" %.2fx", peer->us / *wholeUs);
  const bool isMarked = isHostBound(kernel) || isHostBound(whole) || (peer && peer->hostBound);
  return isMarked ? cell + hostBoundMark : cell;
}

using Row = std::map<std::string, Json>; // by config

void printSpeedOf(const std::vector<std::string> &configs, const std::vector<std::string> &labels,
                  std::map<std::string, Row> &rows, const std::map<std::string, Peer> &peers) {
  constexpr size_t labelWidth = 30, cellWidth = 17;
  const std::string usual = usualPeer(peers);
  std::string head = padded("  shape B x H x N x D", labelWidth);
  for (const std::string &config : configs) head += padded(config, cellWidth);
  line(head);
  for (const std::string &label : labels) {
    const auto found = peers.find(shapeOf(rows[label].begin()->second));
    const Peer *peer = found == peers.end() ? nullptr : &found->second;
    std::string row = padded("  " + label, labelWidth);
    for (const std::string &config : configs) row += padded(speedCell(rows[label][config], peer), cellWidth);
    line(peer && peer->name != usual ? row + "(" + peer->name + ")" : row);
  }
}

void printSpeed(const Results &results) {
  std::vector<std::string> configs, labels;
  std::map<std::string, Row> rows;
  for (const Json &one : objects(results.attention, "cases")) {
    const std::string config = text(one, "config"), label = labelOf(one);
    if (config.empty() || label.empty()) continue;
    if (std::find(configs.begin(), configs.end(), config) == configs.end()) configs.push_back(config);
    if (rows.find(label) == rows.end()) labels.push_back(label);
    rows[label][config] = one;
  }
  if (configs.empty()) return;
  const auto peers = bestPeers(results);
  line("");
  line("TOPS, kernel/end to end, and the time of the best 16-bit peer over ours");
  if (!peers.empty()) line("(of " + usualPeer(peers) + ", where no other is named)");
  constexpr size_t columns = 3;
  for (size_t first = 0; first < configs.size(); first += columns) {
    const auto begin = configs.begin() + long(first);
    printSpeedOf({begin, begin + long(std::min(columns, configs.size() - first))}, labels, rows, peers);
  }
}

// Of each peer how many of its cases failed, and the first reason.
void printFailedPeers(const Results &results) {
  struct Count {
    int all = 0, failed = 0;
    std::string reason;
  };
  std::map<std::string, Count> peers;
  for (const Json &one : objects(results.peers, "cases")) {
    Count &count = peers[text(one, "peer")];
    ++count.all;
    if (text(one, "status") == "failed" && count.failed++ == 0) count.reason = text(one, "reason");
  }
  for (const auto &[name, count] : peers)
    if (count.failed > 0)
      line("Peer " + name + ": " + std::to_string(count.failed) + " of " + std::to_string(count.all) +
           " cases failed, the first: " + count.reason);
}

void printPeers(const Results &results) {
  std::map<std::string, int> wins;
  for (const auto &[shape, peer] : bestPeers(results)) ++wins[peer.name];
  std::string words;
  for (const auto &[name, count] : wins)
    words += (words.empty() ? "" : ", ") + name + " " + std::to_string(count) + "x";
  if (!words.empty()) line("Best 16-bit peer: " + words);
  printFailedPeers(results);
  for (const Json &skipped : objects(results.peers, "skipped"))
    line("No peer " + text(skipped, "peer") + ": " + text(skipped, "reason"));
}

void printYardstick(const Results &results) {
  std::string words;
  for (const auto &[from, json] : {std::pair("", &results.attention), std::pair("PyTorch ", &results.peers)})
    for (const Json &gemm : objects(*json, "gemm"))
      if (const auto median = medianUs(member(gemm, "time")))
        words += (words.empty() ? "" : ", ") + (from + text(gemm, "dtype")) +
                 format(" %.0f", 2 * number(gemm, "m").value_or(0) * number(gemm, "n").value_or(0) *
                                     number(gemm, "k").value_or(0) / *median / 1e6) +
                 (isHostBound(member(gemm, "time")) ? hostBoundMark : "") +
                 (member(gemm, "verified") == Json(true) ? "" : " (unverified)");
  if (!words.empty()) line("GEMM, TOPS: " + words);
}

void printMarks(const Results &results) {
  const auto any = [](const Json &file) {
    for (const char *list : {"cases", "gemm"})
      for (const Json &entry : objects(file, list))
        for (const char *timing : {"kernel", "end_to_end", "time"})
          if (isHostBound(member(entry, timing))) return true;
    return false;
  };
  if (any(results.attention) || any(results.peers))
    line(std::string(hostBoundMark) + " host-bound: a time there may hold some of the host's");
}

// Kernels that spill on this device are slower than they need be, and none of their times says why.
void printSpills(const Results &results) {
  for (const char *list : {"cases", "gemm"})
    for (const Json &one : objects(results.attention, list))
      if (const double bytes = number(one, "local_bytes").value_or(0); bytes > 0)
        line("Spills: " + (text(one, "name").empty() ? "gemm " + text(one, "dtype") : text(one, "name")) +
             format(", %.0f bytes of local memory a thread", bytes));
}

std::string valueOf(const Json &one) {
  if (!text(one, "failed").empty()) return "FAILED: " + text(one, "failed");
  const auto value = number(one, "value");
  const char *mark = member(one, "verified") == Json(true) ? "" : " (unverified)";
  if (!value) return "no value";
  const bool isLong = std::abs(*value) >= 1e4 && std::abs(*value) < 1e9;
  return format(isLong ? "%.0f " : "%.4g ", *value) + text(one, "unit") + mark;
}

// A peak is measured in three ways, NAME.short, NAME.sustained and NAME.per-clock: one line.
std::string peakOf(const std::map<std::string, Json> &byName, const std::string &base) {
  const auto part = [&](const char *suffix, const char *form) {
    const auto found = byName.find(base + suffix);
    if (found == byName.end() || member(found->second, "verified") != Json(true)) return std::string("unverified ");
    const auto value = number(found->second, "value");
    return value ? format(form, *value) : "no value";
  };
  return part(".short", "%.0f") + " TOPS, " + part(".sustained", "%.0f sustained, ") +
         part(".per-clock", "%.0f a clock and SM");
}

// Whatever was skipped for one reason, by the first part of its name: "wgmma 33, memory 2: reason".
void printSkipped(const std::vector<Json> &all) {
  std::map<std::string, std::map<std::string, int>> reasons;
  for (const Json &one : all)
    if (const std::string why = text(one, "skipped"); !why.empty())
      ++reasons[why][text(one, "name").substr(0, text(one, "name").find('.'))];
  for (const auto &[why, groups] : reasons) {
    std::string names;
    for (const auto &[group, count] : groups)
      names += (names.empty() ? "" : ", ") + group + " " + std::to_string(count);
    line("  Skipped: " + names + ": " + why);
  }
}

void printMachine(const Results &results) {
  const std::vector<Json> all = objects(results.machine, "measurements");
  if (all.empty()) return;
  std::map<std::string, Json> byName;
  int good = 0, skipped = 0;
  for (const Json &one : all) {
    byName[text(one, "name")] = one;
    if (!text(one, "skipped").empty())
      ++skipped;
    else
      good += member(one, "verified") == Json(true);
  }
  line("");
  line("Machine: " + std::to_string(good) + " measurements verified, " +
       std::to_string(int(all.size()) - good - skipped) + " failed, " + std::to_string(skipped) + " skipped");
  if (results.simulated) return;
  for (const Json &one : all) {
    const std::string name = text(one, "name");
    const size_t dot = name.rfind('.');
    const std::string base = name.substr(0, dot), suffix = dot == std::string::npos ? "" : name.substr(dot);
    if (!text(one, "skipped").empty()) continue;
    const bool isPeak = byName.count(base + ".short") && text(one, "failed").empty();
    if (isPeak && (suffix == ".sustained" || suffix == ".per-clock")) continue;
    line("  " + padded(isPeak ? base : name, 28) + " " + (isPeak ? peakOf(byName, base) : valueOf(one)));
  }
  printSkipped(all);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: kit-summary DIR\n");
    return 2;
  }
  if (std::error_code ignored; !std::filesystem::is_directory(argv[1], ignored)) {
    std::fprintf(stderr, "kit-summary: '%s' is no directory\n", argv[1]);
    return 1;
  }
  try {
    const Results results = Results::read(argv[1]);
    printHead(results);
    printStages(results);
    printChecks(results);
    if (!results.simulated) {
      printSpeed(results);
      printYardstick(results);
      printMarks(results);
      printSpills(results);
      printPeers(results);
    }
    printMachine(results);
    line("");
    std::printf("All files: %s\n", argv[1]);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "kit-summary: %s\n", error.what());
    return 4;
  }
}
