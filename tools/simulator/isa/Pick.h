// For the `pick` functions of rows: from the type of a form to the instantiation of a handler template.
// Included only by files that are compiled per vector level.
#pragma once

#include "core/Floats.h"
#include "isa/Row.h"

namespace sage::sim::SAGESIM_LEVEL {

/// A handler that needs no choice.
template <Handler H> Picked always(const Form &) { return H; }

// Families of handlers by element type, for byInt and byBits.
template <class F> struct Binary {
  template <class T> static constexpr Handler of = binary<T, F>;
};
template <class T, class F> const Inst *scalarUnary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], each<T>(F(), get<T>(w, i->o[1])));
  return i + 1;
}
template <class T, class F> const Inst *scalarBinary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], each<T>(F(), get<T>(w, i->o[1]), get<T>(w, i->o[2])));
  return i + 1;
}
template <class T, class F> const Inst *scalarTernary(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], each<T>(F(), get<T>(w, i->o[1]), get<T>(w, i->o[2]), get<T>(w, i->o[3])));
  return i + 1;
}
template <class F> struct EachBinary {
  template <class T> static constexpr Handler of = scalarBinary<T, F>;
};
template <class F> struct EachTernary {
  template <class T> static constexpr Handler of = scalarTernary<T, F>;
};

/// One of the six integer types.
template <class Family> Picked byInt(const Form &f) {
  switch (f.type()) {
  case Type::U16: return Family::template of<u16>;
  case Type::S16: return Family::template of<i16>;
  case Type::U32: return Family::template of<u32>;
  case Type::S32: return Family::template of<i32>;
  case Type::U64: return Family::template of<u64>;
  case Type::S64: return Family::template of<i64>;
  default: return {};
  }
}

/// By width alone.
template <class Family> Picked byWidth(const Form &f) {
  switch (typeBits(f.type())) {
  case 16: return Family::template of<u16>;
  case 32: return Family::template of<u32>;
  case 64: return Family::template of<u64>;
  default: return {};
  }
}

/// Where signedness does not matter: addition, subtraction, low product.
template <class F> Picked unsignedBinary(const Form &f) { return byWidth<Binary<F>>(f); }

} // namespace sage::sim::SAGESIM_LEVEL
