# Tensor files that cannot be used: exit code 1, the file and the tensor named, no output written.
source "${0%/*}/common.bash" "$@"

run() { "$sagec" run sage-b --input "$1" --output o.safetensors --device "$device" "${@:2}"; }
shape='[1,1,4,64]'

qkv F16 $shape $shape $shape 512 >good.safetensors
expect 1 'no-such\.safetensors: cannot open: No such file' run no-such.safetensors
expect 1 'not a regular file' run /dev/zero
expect 1 'not a regular file' run .
for bytes in 0 7 8 100 1000; do
  head -c $bytes good.safetensors >cut.safetensors
  expect 1 'cut\.safetensors: ' run cut.safetensors
done
{ printf '\377\377\377\377\377\377\377\177'; tail -c +9 good.safetensors; } >lie.safetensors
expect 1 'claims a header of 9223372036854775807 bytes; at most 16777216' run lie.safetensors
{ u64 60000; tail -c +9 good.safetensors; } >lie.safetensors
expect 1 'truncated: the header claims 60000 bytes' run lie.safetensors

qkv F32 $shape $shape $shape 1024 >wrong.safetensors
expect 1 "tensor 'q' is F32; only F16" run wrong.safetensors
qkv I32 $shape $shape $shape 1024 >wrong.safetensors
expect 1 "tensor 'q' is I32; only F16" run wrong.safetensors
qkv F99 $shape $shape $shape 512 >wrong.safetensors
expect 1 'unknown dtype "F99"; known are .*BF16' run wrong.safetensors
qkv F16 '[1,1,4,63]' $shape $shape 512 >wrong.safetensors
expect 1 'tensor "q": .*hold 512 bytes' run wrong.safetensors
qkv F16 '[1,1,4,64]' '[1,1,8,32]' $shape 512 >wrong.safetensors
expect 1 'wrong\.safetensors: .*same heads and tokens.*k \[1, 1, 8, 32\]' run wrong.safetensors
qkv F16 '[1,1,8,32]' $shape $shape 512 >wrong.safetensors
expect 1 'same head dim' run wrong.safetensors
qkv F16 '[4,64]' $shape $shape 512 >wrong.safetensors
expect 1 'four axes each.*q \[4, 64\]' run wrong.safetensors
qkv F16 '[1,2,2,64]' '[1,2,2,64]' '[2,1,2,64]' 512 >wrong.safetensors
expect 1 'same batch size' run wrong.safetensors
qkv F16 '[1,1,32,8]' '[1,1,32,8]' '[1,1,32,8]' 512 >wrong.safetensors
expect 1 '32, 64' run wrong.safetensors
qkv F16 '[1,1,0,64]' '[1,1,0,64]' '[1,1,0,64]' 0 >wrong.safetensors
expect 1 'must not be empty' run wrong.safetensors
safetensors '{"q":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"q":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}' 4 >wrong.safetensors
expect 1 '"q" appears twice' run wrong.safetensors

expect 1 "no tensor 'nothing'; the file has k, q, v" run good.safetensors --q nothing
expect 1 'needs .* MiB, this machine has' "$sagec" run sage-b --random 1,1000000,1000000,64 --device "$device"
expect 1 '32, 64' "$sagec" run sage-b --random 1,1,16,65 --device "$device"
head -c 10000000 /dev/urandom >garbage.safetensors
expect 1 'garbage\.safetensors: ' run garbage.safetensors
holds 'no output was written' absent o.safetensors

finish
