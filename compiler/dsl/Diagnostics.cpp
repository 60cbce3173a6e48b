// Collecting and rendering diagnostics (Diagnostics.h).
#include "Diagnostics.h"

namespace sage::dsl {
namespace {

Message located(Severity severity, const Source &source, Location where, std::string text) {
  LineColumn position = source.position(where.offset);
  return {severity, source.name(), position.line, position.column, std::move(text), source.excerpt(where)};
}

void renderLine(const Message &message, std::string &out) {
  if (message.line)
    out += message.file + ":" + std::to_string(message.line) + ":" + std::to_string(message.column) + ": ";
  out += std::string(severityName(message.severity)) + ": " + message.text + "\n";
  if (message.line)
    out += message.excerpt.line + "\n" + message.excerpt.marker + "\n";
}

} // namespace

const char *severityName(Severity severity) {
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "note";
}

std::string Diagnostic::render() const {
  std::string out;
  renderLine(*this, out);
  for (const Message &note : notes)
    renderLine(note, out);
  return out;
}

Diagnostics::Report &Diagnostics::Report::note(const Source &source, Location where, std::string text) {
  if (target_)
    target_->notes.push_back(located(Severity::Note, source, where, std::move(text)));
  return *this;
}

Diagnostics::Report &Diagnostics::Report::note(std::string text) {
  if (target_)
    target_->notes.push_back({Severity::Note, "", 0, 0, std::move(text), {}});
  return *this;
}

Diagnostics::Report Diagnostics::error(const Source &source, Location where, std::string text) {
  if (full_)
    return Report(nullptr);
  Diagnostic diagnostic;
  static_cast<Message &>(diagnostic) = located(Severity::Error, source, where, std::move(text));
  return add(std::move(diagnostic));
}

Diagnostics::Report Diagnostics::error(std::string text) {
  Diagnostic diagnostic;
  diagnostic.text = std::move(text);
  return add(std::move(diagnostic));
}

Diagnostics::Report Diagnostics::add(Diagnostic diagnostic) {
  std::string key = std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) + ":" + diagnostic.text;
  if (full_ || !seen_.insert(std::move(key)).second)
    return Report(nullptr);
  all_.push_back(std::move(diagnostic));
  if (all_.size() == Limit) {
    full_ = true;
    all_.back().notes.push_back({Severity::Note, "", 0, 0, "too many errors, the rest is not shown", {}});
  }
  return Report(&all_.back());
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Diagnostic &diagnostic : all_)
    out += diagnostic.render();
  return out;
}

} // namespace sage::dsl
