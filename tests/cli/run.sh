# sagec run from tensors to numbers: what it prints, what it writes, on which device.
source "${0%/*}/common.bash" "$@"

checked() { "$sagec" run "$@" --device "$device" --check --format=json; }

# Drawn tensors: metrics within what the variant promises; nothing but JSON on standard output, the device on standard
# error.
expect 0 "device: .*${device%%:*}" checked sage-b --random 1,2,200,64 --seed 7
within 0.9999 1.0001 /check/cosine
within 0.001 0.0150 /check/relative_l1
is "$device" /device
is '[1,2,200,64]' /shape
is 'null' /output
expect 0 '' checked sage-t --random 1,1,100,128 --causal
within 0.9999 1.0001 /check/cosine
is 'causal' /config/mask
expect 0 '' checked flash --random 2,1,65,32 --layout NHD
within 0 0.001 /check/relative_l1
is '[2,65,1,32]' /shape

# A seed is a seed.
expect 0 '' "$sagec" run sage-t --random 1,1,40,64 --seed 3 --device "$device" --output a.safetensors
expect 0 '' "$sagec" run sage-t --random 1,1,40,64 --seed 3 --device "$device" --output b.safetensors
holds 'the same seed gives the same bytes' cmp a.safetensors b.safetensors
expect 0 '' "$sagec" run sage-t --random 1,1,40,64 --seed 4 --device "$device" --output b.safetensors
holds 'another seed gives others' test -n "$(cmp a.safetensors b.safetensors)"
holds_only . a.safetensors b.safetensors out err

# One token attends to itself: o is v, lse is scale·q·k = 0 for zeros.
qkv F16 '[1,1,1,32]' '[1,1,1,32]' '[1,1,1,32]' 64 >zeros.safetensors
expect 0 '' "$sagec" run flash --input zeros.safetensors --output o.safetensors --set lse=true --device "$device"
holds 'o and lse are in the file' grep -qa '"o".*"lse"' o.safetensors
holds 'all data is zero' test -z "$(tail -c 68 o.safetensors | tr -d '\0')"

# Tensors by name, of a real layer with grouped heads.
expect 0 '' checked sage-b --input "$data/minilm-qkv.safetensors" --q layer0.q --k layer0.k --v layer0.v --output o.safetensors
within 0.9999 1.0001 /check/cosine
within 0 0.0105 /check/relative_l1
is 'o.safetensors' /output

# NaN is data: exit code 0, metrics null.
qkv F16 '[1,1,2,32]' '[1,1,2,32]' '[1,1,2,32]' 128 >zeros.safetensors
{ head -c -384 zeros.safetensors; printf '\000\176'; tail -c 382 zeros.safetensors; } >nan.safetensors
holds 'the file holds a NaN' test "$(tail -c 384 nan.safetensors | head -c 2 | od -An -tx2 | tr -d ' ')" = 7e00
expect 0 '' checked sage-b --input nan.safetensors --output o.safetensors
is 'null' /check/cosine
is 'null' /check/relative_l1
is 'null' /check/rmse

# Text: the metrics, three lines, nothing else.
expect 0 '' "$sagec" run flash --random 1,1,20,64 --check --device "$device"
holds 'three metrics as text' test "$(awk '{ print $1 }' out | tr '\n' ' ')" = 'cosine relative_l1 rmse '
expect 0 '' "$sagec" run flash --random 1,1,20,64 --device "$device"
holds 'no data without --check' test ! -s out

# Stages of each kernel on request.
expect 0 '' "$sagec" run sage-b --random 1,1,20,64 --device "$device" --dump-stages stages
holds 'a PTX among the stages' test -n "$(find stages -name '*.ptx')"

# Counters of the simulator: two products of 2 heads, 128 queries, 128 keys and 64 channels, two operations each; O is
# 2·128·64 halves.
case $device in sim:*)
  expect 0 '' "$sagec" run sage-b --random 1,2,128,64 --device "$device" --counters --format=json
  is attention /counters/kernels/0/name
  is 8388608 /counters/kernels/0/mma_ops
  is 32768 /counters/kernels/0/bytes/global_written
  within 1 1e9 /counters/kernels/0/global_sectors
  expect 0 '"kernels"|device' "$sagec" run sage-b --random 1,2,128,64 --device "$device" --counters
  holds 'counters as JSON without --format' grep -q '"mma_ops": 8388608' out
  ;;
esac

expect 0 '' "$sagec" devices --format=json
for arch in sm_80 sm_86 sm_89 sm_90a sm_120a; do
  holds "the simulated $arch is listed" grep -q "\"sim:$arch\"" out
done
holds 'all of them can be opened' test "$(grep -c '"usable": true' out)" -ge 5

finish
