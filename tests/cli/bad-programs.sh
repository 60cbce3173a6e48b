# Tile programs that cannot be compiled: exit code 1, file:line:column, nothing written, never an abort.
source "${0%/*}/common.bash" "$@"

emit() { "$sagec" emit "$1" --arch sm_80 -o emitted "${@:2}"; }
bad() { # PATTERN TEXT
  printf '%s' "$2" >bad.tile
  expect 1 "$1" emit bad.tile --set D=64
}

expect 1 'no-such\.tile' emit no-such.tile
bad 'bad\.tile:1:1' 'kernle f() {}'
bad 'bad\.tile:[0-9]+:[0-9]+' 'kernel f<D>(X: view<f16>[N, D]) grid (i in N) { let x = "unterminated'
bad 'bad\.tile:[0-9]+:[0-9]+' 'kernel f<D>(X: view<f16>[N, D], Y: view<f32>[N, D]) grid (i in N) { store Y[i, :] = load Z[i, :] }'
bad 'bad\.tile:[0-9]+:[0-9]+' 'kernel f<D>(X: view<f16>[N, D], Y: view<f32>[N, D]) grid (i in N) { store Y[i, :] = (load X[i, :]) + tile<32>(1.0) }'
bad 'bad\.tile' ''
bad 'bad\.tile' "kernel f<D>(Y: view<f32>[N, D]) grid (i in N) { let x = $(printf '(%.0s' {1..50000})"
bad 'bad\.tile' "$(printf '{%.0s' {1..100000})"
bad 'bad\.tile' "/* $(printf 'x%.0s' {1..1000})"

expect 1 'BN|T' emit "$project/kernels/mean.tile" --set D=64
head -c 10000000 /dev/urandom >garbage.tile
expect 1 'cannot read garbage\.tile: it is larger than 1048576 bytes' emit garbage.tile
head -c 10000000 /dev/zero | tr '\0' '(' >garbage.tile
expect 1 'garbage\.tile' emit garbage.tile
head -c 40000000 /dev/zero >huge.tile
expect 1 'huge\.tile' emit huge.tile
expect 1 'D' emit "$project/kernels/mean.tile" --set D=sixty-four --set T=f16
expect 1 'sm_99.*known are .*sm_80' "$sagec" emit "$project/kernels/mean.tile" --arch sm_99 -o emitted --set D=64 --set T=f16
holds 'nothing was emitted' absent emitted

finish
