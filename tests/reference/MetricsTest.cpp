// The three metrics against numbers worked by hand, rounding of the 16-bit types at its edges, and the draws of N(0,1).
#include "reference/Half.h"
#include "reference/Metrics.h"
#include "reference/Random.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace sage::reference;

TEST_CASE("metrics: a hand-worked pair") {
  std::vector<double> exact{3, 4, 0, 0}, computed{3, 0, 0, 4};
  Metrics m = compare(exact, computed);
  CHECK(m.cosine == Approx(9.0 / 25));
  CHECK(m.relativeL1 == Approx(8.0 / 7));
  CHECK(m.rmse == Approx(std::sqrt(32.0 / 4)));
}

TEST_CASE("metrics: equal outputs are perfect, non-finite ones show") {
  std::vector<double> o{1, -2, 3}, bad{1, std::numeric_limits<double>::quiet_NaN(), 3}, zero{0, 0, 0};
  CHECK(compare(o, o).cosine == Approx(1));
  CHECK(compare(o, o).relativeL1 == 0);
  CHECK(std::isnan(compare(o, bad).cosine));
  CHECK(std::isnan(compare(o, bad).rmse));
  CHECK(std::isnan(compare(zero, zero).relativeL1));
}

TEST_CASE("half: ties go to even, overflow to infinity, subnormals stay") {
  CHECK(halfBits(1.0f) == 0x3c00);
  CHECK(halfBits(1.0f + 0x1p-11f) == 0x3c00);
  CHECK(halfBits(1.0f + 0x3p-11f) == 0x3c02);
  CHECK(halfBits(65519.0f) == 0x7bff);
  CHECK(halfBits(65520.0f) == 0x7c00);
  CHECK(halfBits(0x1p-24f) == 0x0001);
  CHECK(bfloatBits(1.0f + 0x1p-8f) == 0x3f80);
  CHECK(bfloatBits(1.0f + 0x3p-8f) == 0x3f82);
}

TEST_CASE("half: every finite value survives a round trip") {
  for (unsigned bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7c00) != 0x7c00) REQUIRE(halfBits(halfValue(uint16_t(bits))) == bits);
}

TEST_CASE("random: moments of N(0,1), reproducible, streams apart") {
  auto x = normals(7, 0, 100001), again = normals(7, 0, 100001), other = normals(7, 1, 100001);
  double sum = 0, squares = 0, cross = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i], squares += double(x[i]) * x[i], cross += double(x[i]) * other[i];
  CHECK(std::abs(sum / double(x.size())) < 0.02);
  CHECK(squares / double(x.size()) == Approx(1).margin(0.03));
  CHECK(std::abs(cross / double(x.size())) < 0.02);
  CHECK(x == again);
  CHECK(std::vector<float>(x.begin(), x.begin() + 10) == normals(7, 0, 10));
}
