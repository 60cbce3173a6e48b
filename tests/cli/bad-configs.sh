# Configs and keys that cannot be used: exit code 1, and a message that names the thing and what is allowed.
source "${0%/*}/common.bash" "$@"

run() { "$sagec" run "$1" --random 1,1,16,64 --device "$device" "${@:2}"; }

expect 1 "unknown config 'sage-c' .*sage-b.*flash.*path of a JSON file" run sage-c
expect 1 'no-such\.json' run ./no-such.json
expect 1 "unknown key 'smoth_k'.*smooth_k" run sage-b --set smoth_k=true
expect 1 'smooth_k: 3 is not allowed; allowed: true or false' run sage-b --set smooth_k=3
expect 1 'q_granularity: .*not allowed; allowed: "token"' run sage-b --set q_granularity=pixel
expect 1 'scale: .*not allowed' run sage-b --set scale=-1
expect 1 'scale: .*not allowed' run sage-b --set scale=0
expect 1 'schedule.warps: 99 is not allowed' run sage-b --set schedule.warps=99
expect 1 'head_dim: 65 is not allowed; allowed: 32, 64 or 128' run sage-b --set head_dim=65
expect 1 'smooth_k' run flash --set smooth_k=true

bad() { # PATTERN JSON
  printf '%s' "$2" >config.json
  expect 1 "$1" run ./config.json
}
bad 'config\.json:1:.*unknown key .colour' '{"name": "x", "colour": 3}'
bad 'config\.json' '{"name": "x", "qk": 8}'
bad 'config\.json' '{"name": '
bad 'config\.json' ''
bad 'config\.json' '[1, 2]'
bad 'config\.json' '{"name": "x", "schedule": {"warps": "four"}}'
bad 'config\.json' '{"name": "x", "head_dim": 1e400}'
bad 'config\.json' "$(printf '[%.0s' {1..20000})"
bad 'config\.json' "$(printf '{"a":%.0s' {1..20000})"

head -c 10000000 /dev/urandom >garbage.json
expect 1 'garbage\.json' run ./garbage.json
expect 1 '/' run "$work/"
expect 1 'is a tile program; run takes a config: flash, sage-t, sage-b' run "$project/kernels/attention.tile"
expect 1 '^sagec: error: unknown arch .sm_99.; known are sm_80' "$sagec" emit sage-b --arch sm_99 -o emitted
mkdir own && echo '{}' >own/mine.json
expect 1 "unknown config 'mien' \(did you mean 'mine'\?\); allowed: flash, mine, sage-b, sage-t" run mien --configs own
holds 'nothing was emitted' absent emitted
expect 1 'no such kernel; it has .*attention' "$sagec" emit sage-b --arch sm_80 --kernel nothing -o emitted
expect 1 'stage' "$sagec" emit sage-b --arch sm_80 --emit nothing -o emitted
holds 'nothing was emitted' absent emitted

# The page documents every key that there is.
expect 1 'known: name' run sage-b --set unknown=1
for key in $(sed -n 's/.*known: //p' err | tr -d ','); do
  holds "docs/configs.md lacks $key" grep -q "^| \`$key\` " "$project/docs/configs.md"
done

finish
