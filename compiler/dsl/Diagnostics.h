// What the compiler has to say about a tile program: errors with a place, a caret and notes, collected and bounded.
//
//   attention.tile:31:47: error: dot: inner extents differ: Q is [BQ=128, D=64], transpose(K) is [D=128, BK=64]
//           var s = dot(q, transpose(load K[b, g, j, :])) as f32
//                          ^~~~~~~~~
//   attention.tile:5:18: note: D = 64 is a parameter of the kernel (config key head_dim)
//
// A hostile text must not produce an endless report: the same complaint is made once, and after `Limit` errors the rest
// is dropped.
#pragma once

#include "Source.h"

#include <deque>
#include <set>
#include <string>
#include <vector>

namespace sage::dsl {

enum class Severity { Error, Warning, Note };
const char *severityName(Severity severity);

/// One line of a report; `line` is 0 when it has no place in a text.
struct Message {
  Severity severity = Severity::Error;
  std::string file;
  unsigned line = 0, column = 0;
  std::string text;
  Excerpt excerpt;
};

struct Diagnostic : Message {
  std::vector<Message> notes;
  /// The message with its source line, caret and notes; ends with a newline.
  std::string render() const;
};

class Diagnostics {
public:
  static constexpr size_t Limit = 20;

  /// Adds notes to the error just made; they vanish with it when the error was dropped.
  class Report {
  public:
    explicit Report(Diagnostic *target) : target_(target) {}
    Report &note(const Source &source, Location where, std::string text);
    Report &note(std::string text);

  private:
    Diagnostic *target_;
  };

  Report error(const Source &source, Location where, std::string text);
  /// An error that belongs to no place in a text (a parameter that is not bound).
  Report error(std::string text);

  bool hasErrors() const { return !all_.empty(); }
  /// True once `Limit` errors were made: whoever walks a text may stop.
  bool full() const { return full_; }
  const std::deque<Diagnostic> &all() const { return all_; }
  std::string render() const;

private:
  Report add(Diagnostic diagnostic);

  std::deque<Diagnostic> all_;
  std::set<std::string> seen_;
  bool full_ = false;
};

} // namespace sage::dsl
