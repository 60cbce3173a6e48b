// The fundamental types of PTX (PTX ISA §5.2) and the state spaces (§5.1): names, sizes, signedness.
// Pure data, used by every part of the simulator.
#pragma once

#include <cstdint>
#include <string_view>

namespace sage::sim {

enum class Type : std::uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  F32,
  F64,
  TF32,
  E4M3,
  E5M2,
  E4M3x2,
  E5M2x2,
};

/// SharedCluster is how an instruction may reach shared memory: that of every block of the cluster.
enum class Space : std::uint8_t { Generic, Reg, Global, Shared, Local, Const, Param, SharedCluster };

/// The type called NAME ("u32", "f16x2"), or Type::None.
Type typeByName(std::string_view name);
std::string_view typeName(Type type);

/// Size of a value in memory or in a register; a predicate counts 1.
unsigned typeBits(Type type);
inline unsigned typeBytes(Type type) { return (typeBits(type) + 7) / 8; }

bool isSignedInt(Type type);
bool isUnsignedInt(Type type);
bool isBits(Type type);
/// f16, bf16, f32, f64, tf32 and the packed pairs.
bool isFloat(Type type);

std::string_view spaceName(Space space);

} // namespace sage::sim
