// What bench-machine lets a sum of a tensor core lose: all of what machines are known to cut off, and less than what a
// mistake does. The model here adds as such a machine: the products of a part of an instruction and the accumulator are
// cut below the last place of the largest, and so is their sum.
#include "machine/Elements.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {

using namespace sage::machine;

struct Machine {
  const char *name;
  Element element;
  int keptBits, part; // products that are added at a time
  bool halfSums = false;
};

constexpr Machine machines[] = {
    {"f16 as on sm_80", Element::F16, 23, 8},         {"f16 as on sm_90a", Element::F16, 25, 16},
    {"bf16 as on sm_80", Element::BF16, 23, 8},       {"bf16 as on sm_90a", Element::BF16, 25, 16},
    {"f16 with f16 sums", Element::F16, 23, 8, true}, {"e4m3 as on sm_89", Element::E4M3, 13, 16},
    {"e4m3 as on sm_90a", Element::E4M3, 13, 32},
};

// Towards zero, to BITS places behind the first of a number of this EXPONENT.
double cut(double value, int exponent, int bits) {
  return std::ldexp(std::trunc(std::ldexp(value, bits - exponent)), exponent - bits);
}

int exponentOf(double value) { return value == 0 ? -1000 : std::ilogb(value); }

// The instructions that add SIGN times row ROWA of A times row ROWB of B, over the first COLUMNS columns.
void add(const Machine &machine, const OperandMatrix &a, int rowA, const OperandMatrix &b, int rowB, int sign,
         int columns, double &sum) {
  for (int first = 0; first < columns; first += machine.part) {
    std::vector<double> terms = {sum};
    for (int k = first; k < first + machine.part; ++k) terms.push_back(sign * a.value(rowA, k) * b.value(rowB, k));
    int exponent = -1000;
    for (double term : terms) exponent = std::max(exponent, exponentOf(term));
    sum = 0;
    for (double term : terms) sum += cut(term, exponent, machine.keptBits);
    const int bits = machine.halfSums ? 10 : std::min(machine.keptBits, 23);
    sum = cut(sum, exponentOf(sum), bits);
  }
}

enum class Mistake { None, MissingEnd, MissingNegative, MissingStep, OtherRow };
constexpr const char *mistakeNames[] = {"none", "a missing product", "a missing subtraction", "a missing step",
                                        "another row of B"};

// Sums of one tile of 16 × 8 that are outside of what is allowed after COUNT counts.
int outside(const Machine &machine, int steps, int count, Mistake mistake) {
  const OperandMatrix a = OperandMatrix::random(machine.element, 16, steps, 1);
  const OperandMatrix b = OperandMatrix::random(machine.element, 8, steps, 2);
  int bad = 0;
  for (int row = 0; row < a.rows; ++row)
    for (int column = 0; column < b.rows; ++column) {
      double sum = 0;
      for (int k = 0; k < 2 * count; ++k) {
        add(machine, a, row, b, column, 1, a.columns(), sum);
        if (mistake != Mistake::MissingNegative || k > 0) add(machine, a, row, b, column, -1, a.columns(), sum);
      }
      const int end = mistake == Mistake::MissingEnd    ? 0
                      : mistake == Mistake::MissingStep ? a.columns() / steps * (steps - 1)
                                                        : a.columns();
      add(machine, a, row, b, mistake == Mistake::OtherRow ? (column + 1) % 8 : column, 1, end, sum);
      const Product exact = dot(a, row, b, column);
      const double allowed = (4. * count + 1) * steps * truncationLoss(machine.element, machine.halfSums, exact);
      bad += !(std::fabs(sum - exact.sum) <= allowed);
    }
  return bad;
}

} // namespace

int main() {
  int failures = 0;
  for (const Machine &machine : machines)
    for (int steps : {1, 4}) {
      for (int count : {1, 50})
        if (const int bad = outside(machine, steps, count, Mistake::None); bad > 0) {
          std::printf("%s, %d steps: %d sums of 128 lost too much after %d counts\n", machine.name, steps, bad, count);
          ++failures;
        }
      for (Mistake mistake : {Mistake::MissingEnd, Mistake::MissingNegative, Mistake::MissingStep, Mistake::OtherRow}) {
        const int seen = outside(machine, steps, 1, mistake);
        if (seen >= 64) continue;
        std::printf("%s, %d steps, %s: only %d of 128 sums tell\n", machine.name, steps, mistakeNames[int(mistake)],
                    seen);
        ++failures;
      }
    }
  return failures > 0;
}
