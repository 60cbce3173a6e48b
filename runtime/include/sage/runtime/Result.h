// Errors are values: every function that can fail returns Status or Result<T>. Nothing in the runtime throws across
// its interface or aborts.
//
//   Result<Buffer> b = device->allocate(bytes);
//   if (!b) return std::move(b).status().context("workspace");      // "workspace: out of memory …"
//
// or, in a function that itself returns a Status or a Result:
//
//   SAGE_ASSIGN(Buffer b, device->allocate(bytes));
//   SAGE_TRY(stream.synchronize());
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace sage {

/// What went wrong. The value is the exit code of `sagec`.
enum class Code : int {
  Ok = 0,
  /// A config, key, arch, program, tensor or shape that cannot be used as given; an output that cannot be written.
  InvalidInput = 1,
  Usage = 2,       ///< The command line cannot be parsed. Not used by the library.
  Device = 3,      ///< A library or symbol of the driver is missing, or a driver call failed.
  Internal = 4,    ///< A defect of ours: the user can only report it.
  CheckFailed = 5, ///< The computation ran, and a result is outside its bound.
  Cache = 6,       ///< A cache entry or bundle cannot be read or written.
};

/// Success, or a code and a message for a person. The message names the thing and what is allowed.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : value(code), text(std::move(message)) {}

  bool ok() const { return value == Code::Ok; }
  explicit operator bool() const { return ok(); }
  Code code() const { return value; }
  int exitCode() const { return static_cast<int>(value); }
  const std::string &message() const { return text; }

  /// The same error, with the name of what was being done in front: "WHAT: message". No effect on success.
  Status context(const std::string &what) && {
    if (!ok()) text = what + ": " + text;
    return std::move(*this);
  }

private:
  Code value = Code::Ok;
  std::string text;
};

inline Status invalidInput(std::string message) { return {Code::InvalidInput, std::move(message)}; }
inline Status deviceError(std::string message) { return {Code::Device, std::move(message)}; }
inline Status internalError(std::string message) { return {Code::Internal, std::move(message)}; }

/// A value, or the Status that tells why there is none.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Status error) : state(std::in_place_index<1>, std::move(error)) {
    if (std::get<1>(state).ok()) state.template emplace<1>(Code::Internal, "success without a value given as a Result");
  }

  bool ok() const { return state.index() == 0; }
  explicit operator bool() const { return ok(); }

  T &operator*() & { return std::get<0>(state); }
  const T &operator*() const & { return std::get<0>(state); }
  T &&operator*() && { return std::get<0>(std::move(state)); }
  T *operator->() { return &std::get<0>(state); }
  const T *operator->() const { return &std::get<0>(state); }

  /// The error, or success.
  Status status() const & { return ok() ? Status() : std::get<1>(state); }
  Status status() && { return ok() ? Status() : std::get<1>(std::move(state)); }

  /// The same result, its error (if any) with WHAT in front.
  Result context(const std::string &what) && {
    if (!ok()) state.template emplace<1>(std::get<1>(std::move(state)).context(what));
    return std::move(*this);
  }

private:
  std::variant<T, Status> state;
};

} // namespace sage

#define SAGE_CONCAT_IMPL(a, b) a##b
#define SAGE_CONCAT(a, b) SAGE_CONCAT_IMPL(a, b)
/// Returns the error of EXPR from the enclosing function, if it has one.
#define SAGE_TRY(...)                                                                                                  \
  do {                                                                                                                 \
    if (::sage::Status sageStatus = (__VA_ARGS__); !sageStatus.ok()) return sageStatus;                                \
  } while (false)
/// DECLARATION = value of the Result EXPR, or returns its error.
#define SAGE_ASSIGN(declaration, ...) SAGE_ASSIGN_IMPL(SAGE_CONCAT(sageResult, __LINE__), declaration, __VA_ARGS__)
#define SAGE_ASSIGN_IMPL(temporary, declaration, ...)                                                                  \
  auto temporary = (__VA_ARGS__);                                                                                      \
  if (!temporary.ok()) return std::move(temporary).status();                                                           \
  declaration = *std::move(temporary)
