// RUN: sage-opt --passes='builtin.module()' %s | sage-opt --passes='builtin.module()' - | FileCheck %s

// Every operation prints as it is read.
// CHECK-LABEL: func.func @ops
func.func @ops(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %true = arith.constant true
  // CHECK: tile.view %{{.*}} extents[%{{.*}}, %{{.*}}] strides[%{{.*}}] : !llvm.ptr<1> -> <2, f16>
  %x = tile.view %p extents [%n, %n] strides [%n] : !llvm.ptr<1> -> !tile.view<2, f16>
  // CHECK: tile.view {{.*}} writable : !llvm.ptr<1> -> <1, f32>
  %y = tile.view %p extents [%n] strides [] writable : !llvm.ptr<1> -> !tile.view<1, f32>
  // CHECK: tile.program_id 2
  %id = tile.program_id 2
  // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] axes [0, 1] : <2, f16> -> tensor<32x64xf16>
  %t = tile.load %x[%i, %i] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
  // CHECK: tile.load {{.*}} axes [] : <1, f32> -> f32
  %s = tile.load %y[%i] axes [] : !tile.view<1, f32> -> f32
  // CHECK: tile.splat %{{.*}} : f32 -> tensor<32xf32>
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: tile.iota : tensor<32xi32>
  %b = tile.iota : tensor<32xi32>
  // CHECK: tile.broadcast %{{.*}} axis 1 : tensor<32xf32> -> tensor<32x64xf32>
  %c = tile.broadcast %a axis 1 : tensor<32xf32> -> tensor<32x64xf32>
  // CHECK: tile.transpose
  %d = tile.transpose %t : tensor<32x64xf16> -> tensor<64x32xf16>
  // CHECK: tile.saturate
  %e = tile.saturate %c : tensor<32x64xf32> -> tensor<32x64xi8>
  %zero = arith.constant dense<0.0> : tensor<32x32xf32>
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} : tensor<32x64xf16> * tensor<64x32xf16> -> tensor<32x32xf32>
  %g = tile.dot %t, %d, %zero : tensor<32x64xf16> * tensor<64x32xf16> -> tensor<32x32xf32>
  // CHECK: tile.reduce {{ *}}sum %{{.*}} axis 0 : tensor<32x64xf32> -> tensor<64xf32>
  %h = tile.reduce sum %c axis 0 : tensor<32x64xf32> -> tensor<64xf32>
  // CHECK: tile.reduce {{ *}}max {{.*}} : tensor<32xf32> -> f32
  %j = tile.reduce max %a axis 0 : tensor<32xf32> -> f32
  // CHECK: tile.group_reduce {{ *}}max %{{.*}} by <slab = 16, bits = [1, 3]> : tensor<32xf32> -> tensor<8xf32>
  %k = tile.group_reduce max %a by <slab = 16, bits = [1, 3]> : tensor<32xf32> -> tensor<8xf32>
  // CHECK: tile.spread %{{.*}} by <slab = 16, bits = [1, 3]> : tensor<8xf32> -> tensor<32xf32>
  %l = tile.spread %k by <slab = 16, bits = [1, 3]> : tensor<8xf32> -> tensor<32xf32>
  // CHECK: tile.convert_layout
  %m = tile.convert_layout %c : tensor<32x64xf32> -> tensor<32x64xf32>
  // CHECK: tile.alloc offset 1024 : <[2, 32, 64], f16, <bits = 3, shift = 7>>
  %ring = tile.alloc offset 1024 : !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
  // CHECK: tile.slot %{{.*}}[%{{.*}}]
  %slot = tile.slot %ring[%i] : !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>> -> !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
  // CHECK: tile.async_copy %{{.*}}[%{{.*}}, %{{.*}}] axes [0, 1] into %{{.*}} if %true
  tile.async_copy %x[%i, %i] axes [0, 1] into %slot if %true : !tile.view<2, f16> -> !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
  // CHECK: %[[TOKEN:.*]] = tile.commit
  %token = tile.commit
  // CHECK: tile.wait %[[TOKEN]] pending 0
  tile.wait %token pending 0
  // CHECK: tile.barrier
  tile.barrier
  // CHECK: tile.local_load %{{.*}} transposed
  %q = tile.local_load %slot transposed : !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>> -> tensor<64x32xf16>
  // CHECK: tile.store %{{.*}}, %{{.*}}[%{{.*}}] axes [0] : tensor<32xf32> -> <1, f32>
  tile.store %l, %y[%i] axes [0] : tensor<32xf32> -> !tile.view<1, f32>
  return
}
