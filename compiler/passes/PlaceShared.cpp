// Gives every buffer an offset: first fit over lifetimes. See Passes.td.
#include "Passes.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace sage {
#define GEN_PASS_DEF_PLACESHARED
#include "compiler/passes/Passes.h.inc"

namespace {

using namespace tile;

// A swizzle reads the row number off the address bits below 1024 x 4 at most relative to its buffer; hardware swizzles
// (TMA, wgmma) read them off the address itself and want this alignment.
constexpr int64_t alignment = 1024;

struct Lifetime {
  AllocOp alloc;
  int64_t first, last; // positions of operations in the function's block
  int64_t offset = 0, end = 0;
};

// The position, in the function's own block, of the operation that contains `op`.
int64_t positionOf(Operation *op, Block &block, const llvm::DenseMap<Operation *, int64_t> &positions) {
  return positions.lookup(block.findAncestorOpInBlock(*op));
}

struct PlaceSharedPass : impl::PlaceSharedBase<PlaceSharedPass> {
  void runOnOperation() override {
    Block &block = getOperation().getBody().front();
    llvm::DenseMap<Operation *, int64_t> positions;
    for (auto [i, op] : llvm::enumerate(block)) positions[&op] = i;
    SmallVector<Lifetime> lives;
    int64_t total = 0;
    getOperation().walk([&](AllocOp alloc) {
      Lifetime life = lifetimeOf(alloc, block, positions);
      place(life, lives);
      total = std::max(total, life.end);
      lives.push_back(life);
    });
    for (Lifetime &life : lives) life.alloc.setOffset(life.offset);
    getOperation()->setAttr(sharedBytesAttr, IntegerAttr::get(IntegerType::get(&getContext(), 64), total));
    sharedBytes += total;
  }

  Lifetime lifetimeOf(AllocOp alloc, Block &block, const llvm::DenseMap<Operation *, int64_t> &positions) {
    Lifetime life{alloc, INT64_MAX, -1};
    SmallVector<Operation *> users(alloc->getUsers());
    while (!users.empty()) {
      Operation *user = users.pop_back_val();
      int64_t position = positionOf(user, block, positions);
      life.first = std::min(life.first, position);
      life.last = std::max(life.last, position);
      if (isa<SlotOp>(user)) llvm::append_range(users, user->getUsers());
    }
    return life;
  }

  // The lowest offset where no living buffer lies.
  void place(Lifetime &life, ArrayRef<Lifetime> others) {
    int64_t size = llvm::alignTo(life.alloc.getType().bytes(), alignment);
    bool moved = true;
    while (moved) {
      moved = false;
      for (const Lifetime &other : others)
        if (other.first <= life.last && life.first <= other.last && other.offset < life.offset + size &&
            life.offset < other.end) {
          life.offset = other.end;
          moved = true;
        }
    }
    life.end = life.offset + size;
  }
};

} // namespace
} // namespace sage
