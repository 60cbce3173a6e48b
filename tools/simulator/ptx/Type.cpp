// The one table of PTX types.
#include "ptx/Type.h"

#include <array>

namespace sage::sim {
namespace {

enum class Kind : std::uint8_t { None, Pred, Bits, Unsigned, Signed, Float, Packed };

struct TypeRow {
  std::string_view name;
  unsigned bits;
  Kind kind;
};

// In the order of the enumeration.
constexpr std::array<TypeRow, 26> typeRows{{
    {"none", 0, Kind::None},      {"pred", 1, Kind::Pred},      {"b8", 8, Kind::Bits},       {"b16", 16, Kind::Bits},
    {"b32", 32, Kind::Bits},      {"b64", 64, Kind::Bits},      {"b128", 128, Kind::Bits},   {"u8", 8, Kind::Unsigned},
    {"u16", 16, Kind::Unsigned},  {"u32", 32, Kind::Unsigned},  {"u64", 64, Kind::Unsigned}, {"s8", 8, Kind::Signed},
    {"s16", 16, Kind::Signed},    {"s32", 32, Kind::Signed},    {"s64", 64, Kind::Signed},   {"f16", 16, Kind::Float},
    {"f16x2", 32, Kind::Float},   {"bf16", 16, Kind::Float},    {"bf16x2", 32, Kind::Float}, {"f32", 32, Kind::Float},
    {"f64", 64, Kind::Float},     {"tf32", 32, Kind::Float},    {"e4m3", 8, Kind::Packed},   {"e5m2", 8, Kind::Packed},
    {"e4m3x2", 16, Kind::Packed}, {"e5m2x2", 16, Kind::Packed},
}};
static_assert(typeRows.size() == static_cast<std::size_t>(Type::E5M2x2) + 1);

const TypeRow &row(Type type) { return typeRows[static_cast<std::size_t>(type)]; }

} // namespace

Type typeByName(std::string_view name) {
  for (std::size_t i = 1; i < typeRows.size(); ++i)
    if (typeRows[i].name == name) return static_cast<Type>(i);
  return Type::None;
}

std::string_view typeName(Type type) { return row(type).name; }
unsigned typeBits(Type type) { return row(type).bits; }
bool isSignedInt(Type type) { return row(type).kind == Kind::Signed; }
bool isUnsignedInt(Type type) { return row(type).kind == Kind::Unsigned; }
bool isBits(Type type) { return row(type).kind == Kind::Bits; }
bool isFloat(Type type) { return row(type).kind == Kind::Float; }

std::string_view spaceName(Space space) {
  constexpr std::array<std::string_view, 8> names{"generic", "reg",   "global", "shared",
                                                  "local",   "const", "param",  "shared"};
  return names[static_cast<std::size_t>(space)];
}

} // namespace sage::sim
