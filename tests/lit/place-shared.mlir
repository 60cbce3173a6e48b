// RUN: sage-opt --passes='builtin.module(func.func(tile-place-shared))' %s | FileCheck %s

// The first buffer is dead before the third is born: they share bytes. The second lives through both.
// CHECK: tile.shared_bytes = 12288
func.func @lifetimes(%i: i32) attributes {tile.kernel} {
  // CHECK: tile.alloc offset 0
  %a = tile.alloc : !tile.buffer<[64, 64], i8, <bits = 2, shift = 7>>
  // CHECK: tile.alloc offset 4096
  %b = tile.alloc : !tile.buffer<[2, 32, 64], i8, <bits = 2, shift = 7>>
  // CHECK: tile.alloc offset 0
  %c = tile.alloc : !tile.buffer<[32, 64], i8, <bits = 2, shift = 7>>
  // CHECK: tile.alloc offset 8192
  %d = tile.alloc : !tile.buffer<[64, 64], i8, <bits = 2, shift = 7>>
  %b0 = tile.slot %b[%i] : !tile.buffer<[2, 32, 64], i8, <bits = 2, shift = 7>> -> !tile.buffer<[32, 64], i8, <bits = 2, shift = 7>>
  %x = tile.local_load %a : !tile.buffer<[64, 64], i8, <bits = 2, shift = 7>> -> tensor<64x64xi8>
  %y = tile.local_load %c : !tile.buffer<[32, 64], i8, <bits = 2, shift = 7>> -> tensor<32x64xi8>
  %w = tile.local_load %d : !tile.buffer<[64, 64], i8, <bits = 2, shift = 7>> -> tensor<64x64xi8>
  %y2 = tile.local_load %c : !tile.buffer<[32, 64], i8, <bits = 2, shift = 7>> -> tensor<32x64xi8>
  %z = tile.local_load %b0 : !tile.buffer<[32, 64], i8, <bits = 2, shift = 7>> -> tensor<32x64xi8>
  return
}
