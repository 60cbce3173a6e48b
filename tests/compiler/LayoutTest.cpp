// The arithmetic of layouts against fragment shapes of the PTX ISA and against itself.
#include "compiler/tile/Layout.h"

#include <catch2/catch.hpp>

#include <map>

using sage::Coordinates;
using sage::Layout;

namespace {

// Every element held, each by exactly `copies` places.
void requireCovers(const Layout &layout, int64_t copies) {
  std::map<Coordinates, int64_t> count;
  for (int64_t warp = 0; warp < layout.warpCount(); ++warp)
    for (int64_t lane = 0; lane < 32; ++lane)
      for (int64_t reg = 0; reg < layout.registerCount(); ++reg) ++count[layout.at(reg, lane, warp)];
  int64_t elements = 1;
  for (int64_t extent : layout.shape()) elements *= extent;
  REQUIRE(int64_t(count.size()) == elements);
  for (auto &[place, n] : count) REQUIRE(n == copies);
}

} // namespace

TEST_CASE("layout: accumulator of m16n8 is the ISA's figure") {
  Layout layout = Layout::mmaAccumulator(16, 8, 1);
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < 4; ++i) {
      // PTX ISA 9.7.14.5: row = groupID (+8 for c2, c3), column = threadID_in_group * 2 + (i & 1)
      REQUIRE(layout.at(i, lane) == Coordinates{lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + (i & 1)});
    }
}

TEST_CASE("layout: operand A of m16n8k32 holds bytes as the ISA's figure") {
  Layout layout = Layout::mmaOperandA(16, 32, 8, 1);
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < 16; ++i) {
      int64_t row = lane / 4 + ((i / 4) % 2 ? 8 : 0), column = lane % 4 * 4 + (i & 3) + (i < 8 ? 0 : 16);
      REQUIRE(layout.at(i, lane) == Coordinates{row, column});
    }
}

TEST_CASE("layout: operand B of m16n8k16 holds halves as the ISA's figure") {
  Layout layout = Layout::mmaOperandB(16, 8, 16, 1);
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < 4; ++i)
      REQUIRE(layout.at(i, lane) == Coordinates{lane % 4 * 2 + (i & 1) + (i < 2 ? 0 : 8), lane / 4});
}

TEST_CASE("layout: fragments cover their tiles, also where an extent is no power of two") {
  requireCovers(Layout::mmaAccumulator(128, 64, 4), 1);
  requireCovers(Layout::mmaAccumulator(64, 96, 4), 1);
  requireCovers(Layout::mmaOperandA(128, 96, 16, 8), 1);
  requireCovers(Layout::mmaOperandB(96, 64, 8, 4), 4); // every warp holds all of B
  requireCovers(Layout::blocked({64, 128}, 8, 4), 1);
  requireCovers(Layout::blocked({16, 96}, 8, 2), 1);
}

TEST_CASE("layout: a slice drops one coordinate and merges registers") {
  Layout rows = Layout::mmaAccumulator(128, 64, 4).slice(1);
  REQUIRE(rows.shape() == std::vector<int64_t>{128});
  REQUIRE(rows.registerCount() == 4);
  requireCovers(rows, 4); // the four lanes of a row hold the same
  REQUIRE(rows == Layout::mmaAccumulator(128, 128, 4).slice(1));
}

TEST_CASE("layout: a projection keeps the bits of the group") {
  Layout rows = Layout::mmaAccumulator(128, 64, 4).slice(1);
  Layout perWarp = rows.project({128, {5, 6}});
  REQUIRE(perWarp.shape() == std::vector<int64_t>{4});
  REQUIRE(perWarp.registerCount() == 1); // a warp's 32 rows share one scale
  for (int64_t warp = 0; warp < 4; ++warp) REQUIRE(perWarp.at(0, 17, warp) == Coordinates{warp});
  Layout perBlock = rows.project({64, {}});
  REQUIRE(perBlock.shape() == std::vector<int64_t>{2});
}

TEST_CASE("row groups: per thread of K selects row bits 1 and 2") {
  sage::RowGroups groups{64, {1, 2}};
  REQUIRE(groups.group(0) == 0);
  REQUIRE(groups.group(9) == 0); // 9 = 0b1001: bits 1, 2 are clear
  REQUIRE(groups.group(6) == 3);
  REQUIRE(groups.group(64 + 2) == 5);
}

TEST_CASE("layout: text form returns the same layout, and rejects what is none") {
  for (const Layout &layout :
       {Layout::mmaAccumulator(64, 96, 4), Layout::mmaOperandB(32, 8, 8, 4), Layout::blocked({64}, 1, 2)})
    REQUIRE(Layout::parse(layout.str()) == layout);
  for (const char *text : {"", "reg=", "reg=0,1 lane=0,1 warp= repeats=1,1", "reg=x lane=0|0|0|0|0 warp= repeats=1",
                           "reg= lane=0|0|0|0|0 warp= repeats=2"})
    REQUIRE(!Layout::parse(text));
}
