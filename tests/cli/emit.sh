# sagec emit: kernels of configs and of tile programs, for every arch, as files.
source "${0%/*}/common.bash" "$@"

for config in flash sage-t sage-b; do
  for arch in sm_80 sm_86 sm_89 sm_90a sm_120a; do
    expect 0 '' "$sagec" emit $config --arch $arch --set head_dim=64 -o $config-$arch
    holds "$config for $arch has an attention kernel" grep -q "^.target $arch" $config-$arch/attention.ptx
    holds "$config for $arch has metadata" grep -q '"entry"' $config-$arch/attention.json
  done
done
holds_only flash-sm_80 attention.ptx attention.json
holds 'paths are the data' test "$(sort out)" = "$(find sage-b-sm_120a -type f | sort)"

expect 0 '' "$sagec" emit sage-b --arch sm_80 --kernel attention -o one --format=json
holds_only one attention.ptx attention.json
is 'one/attention.ptx' /kernels/0/file
is "$(stat -c %s one/attention.ptx)" /kernels/0/bytes

# A tile program: its own parameters, one by one; an unbound one is named.
program=$project/kernels/mean.tile
expect 0 '' "$sagec" emit "$program" --arch sm_80 --set D=64 --set T=f16 --set schedule.block_n=128 -o program
holds 'the kernel of the program' grep -q '^.target sm_80' program/mean.ptx
expect 1 'D' "$sagec" emit "$program" --arch sm_80 --set T=f16 -o unbound
holds 'nothing was emitted' absent unbound

# Any stage, all stages, and their times.
expect 0 '' "$sagec" emit flash --arch sm_80 --emit=tile -o staged
holds 'the tile dialect' grep -q 'tile\.' staged/attention.tile.mlir
holds_only staged attention.tile.mlir
expect 0 'attention: ptx .* ms' "$sagec" emit flash --arch sm_80 --time-passes --dump-stages=stages -o staged
holds 'numbered stages' test "$(find stages -name '0*' | wc -l)" -ge 5

# The same bytes again, and atomically over what is there.
cp staged/attention.ptx before.ptx
expect 0 '' "$sagec" emit flash --arch sm_80 -o staged
holds 'times only on request' test ! -s err
holds 'the same PTX' cmp before.ptx staged/attention.ptx

finish
