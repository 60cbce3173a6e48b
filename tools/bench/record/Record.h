// The JSON file of one run of a measuring program: who measured what on which device, and the results so far. It is
// written anew after every result, whole or not at all, so that a program that is stopped has left what it had.
#pragma once

#include "sage/runtime/Device.h"
#include "sage/runtime/Result.h"

#include <nlohmann/json.hpp>
#include <string>

namespace sage::bench {

// Object members keep the order in which they were set. Numbers that are not finite become null.
using Json = nlohmann::ordered_json;

// Seconds since 1970: when a case began and ended, to be laid beside clocks and power.
double epochSeconds();

class Record {
public:
  // PATH empty: to standard output, once, at the end. BEGAN: the run, perhaps in another process.
  Record(std::string path, const std::string &program, const Device &device, const std::string &compiler,
         double began = epochSeconds());

  // Takes over what an earlier process of the same run has left in the file.
  Status resume();
  // Seconds since the run began, in whichever process.
  double seconds() const;

  // Fields beside the head: "cases", …
  Json &operator[](const char *key) { return json[key]; }
  // What there is so far.
  Status save() const;
  // The last word: everything that was planned has been done.
  Status finish();
  // The last word of a run that was stopped: what there is, not complete.
  Status stop() const;

private:
  std::string path;
  Json json;
};

// The commit of this build: the first line of a file VERSION beside the program or one directory above, as the GPU kit
// has it; else "unknown".
std::string buildCommit();

// One line on standard error.
void talk(const std::string &line);

} // namespace sage::bench
