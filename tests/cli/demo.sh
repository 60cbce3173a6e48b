# The demo program: its usage, and the whole run, whose verdict is its exit code.
source "${0%/*}/common.bash" "$@"

demo=$bin/sage-demo
expect 2 'usage: sage-demo' "$demo" --bogus x
expect 2 'usage: sage-demo' "$demo" --data
expect 0 '' "$demo" --help
holds 'help on standard output' grep -q '^usage: sage-demo' out
expect 1 'no-such-directory/minilm-qkv\.safetensors: cannot open' "$demo" --data no-such-directory --device "$device"
expect 1 '/proc/' "$demo" --data "$data" --output /proc/demo --device "$device"
expect 1 'toaster' "$demo" --data "$data" --device toaster

expect 0 "device: " "$demo" --data "$data" --output result --device "$device"
holds 'the verdict is the last line' test "$(tail -n 1 out)" = 'OK: every figure is within its bound.'
holds 'a row for each variant, group and K' test "$(grep -cE '^(flash|sage-[tb])' out)" = 30
holds 'no figure is missing' test -z "$(grep -E '^(flash|sage).*nan' out)"
holds 'PTX lies where it says' test -f "$(sed -n 's/^PTX: *//p' out)/sage-b-smooth-decoder-d64/attention.ptx"
holds 'stages lie where it says' test -n "$(find "$(sed -n 's/^Stages: *//p' out)/flash-minilm-d32" -name '*.ptx')"
holds 'outputs lie where it says' test "$(find "$(sed -n 's/^Outputs: *//p' out)" -name '*.safetensors' | wc -l)" = 30

finish
