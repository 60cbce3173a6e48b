// C++20: concepts, templates with structural parameters, constexpr tables, lambdas with templates, designated
// initialisers, spaceship, fold expressions, ranges of loops over own containers.
#include <cuda/std/array>
#include <cuda/std/bit>
#include <cuda/std/optional>
#include <cuda/std/span>
#include <cuda/std/tuple>

namespace {

template <class T>
concept Number = requires(T a, T b) {
  { a + b };
  { a < b };
};

struct Options {
  int rows, columns;
  bool reversed;
  auto operator<=>(const Options &) const = default;
};

constexpr auto makeSquares() {
  cuda::std::array<int, 16> a{};
  for (int i = 0; i < 16; ++i) a[i] = i * i;
  return a;
}
__constant__ constexpr auto squares = makeSquares();

template <Options options, Number T> __device__ T walk(cuda::std::span<const T> data) {
  T sum{};
  for (int r = 0; r < options.rows; ++r)
    for (int c = 0; c < options.columns; ++c)
      sum += data[options.reversed ? options.rows * options.columns - 1 - (r * options.columns + c)
                                   : r * options.columns + c] * (T)(r + 1);
  return sum;
}

template <class... Ts> __device__ auto foldAll(Ts... v) { return (v + ...) + (v * ...) - static_cast<int>(sizeof...(v)); }

__device__ cuda::std::optional<int> parse(cuda::std::span<const char> text) {
  int v = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return cuda::std::nullopt;
    v = v * 10 + (c - '0');
  }
  return v;
}

} // namespace

extern "C" {

__global__ void generic(const int *in, int *out) {
  const int t = threadIdx.x;
  const cuda::std::span<const int> mine(in + 12 * t, 12);
  const auto [sum, reversed] =
      cuda::std::tuple{walk<Options{.rows = 3, .columns = 4, .reversed = false}>(mine),
                       walk<Options{.rows = 4, .columns = 3, .reversed = true}>(mine)};
  auto pick = []<class T>(T a, T b) { return a < b ? b : a; };
  out[4 * t] = pick(sum, reversed), out[4 * t + 1] = foldAll(mine[0], mine[1], mine[2]) + squares[t % 16];
  out[4 * t + 2] = (Options{1, t, true} < Options{1, 5, false}) + 2 * cuda::std::popcount((unsigned)in[t]);
  out[4 * t + 3] = (int)cuda::std::bit_width((unsigned)in[t]);
}

__global__ void numbersInText(const char *text, int *out, int each) {
  const int t = threadIdx.x;
  out[t] = parse(cuda::std::span<const char>(text + each * t, each)).value_or(-1);
}
}
