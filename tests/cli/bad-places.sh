# Places that cannot be written and libraries that cannot be loaded. Holds as root: /proc and a file-size limit refuse
# everyone.
source "${0%/*}/common.bash" "$@"

run() { "$sagec" run flash --random 1,1,32,64 --device "$device" "$@"; }
limited() { (ulimit -f 1 && run "$@"); }

expect 1 '/proc/o\.safetensors: cannot write' run --output /proc/o.safetensors
expect 1 'no-such-directory/o\.safetensors: cannot write: No such file' run --output no-such-directory/o.safetensors
mkdir place
expect 1 'place: cannot write: exists and is not a regular file' run --output place
expect 1 '/proc/x: cannot make the directory' "$sagec" emit flash --arch sm_80 -o /proc/x
expect 1 '/proc' run --dump-stages /proc/x
touch file
expect 1 'file' "$sagec" emit flash --arch sm_80 -o file

# 1 KiB is less than the output; what was there before stays whole.
expect 1 'place/o\.safetensors: cannot write: File too large' limited --output place/o.safetensors
holds_only place
printf old >place/o.safetensors
expect 1 'File too large' limited --output place/o.safetensors
holds 'the old file is whole' test "$(cat place/o.safetensors)" = old
emit_limited() { (ulimit -f 1 && "$sagec" emit flash --arch sm_80 -o place); }
expect 1 'place/.*: cannot write: File too large' emit_limited
holds_only place o.safetensors

full() { "$sagec" devices >/dev/full; }
expect 1 'standard output: cannot write: No space left' full

# Each thing that is loaded at run time, missing or not what it should be.
expect 3 'no-driver\.so' "$sagec" run flash --random 1,1,1,64 --device cuda:0 --driver ./no-driver.so
expect 3 "cu[A-Z]" "$sagec" run flash --random 1,1,1,64 --device cuda:0 --driver "$bin/libsage_runtime.so"
expect 3 'no-sim\.so' "$sagec" run flash --random 1,1,1,64 --device sim:sm_80 --simulator ./no-sim.so
expect 1 'cannot load the compiler .*no-compiler\.so' "$sagec" run flash --random 1,1,1,64 --device "$device" --compiler ./no-compiler.so
expect 1 'is not a sage compiler' "$sagec" run flash --random 1,1,1,64 --device "$device" --compiler "$bin/libsagesim.so"
printf 'not a library' >text.so
expect 3 'text\.so' "$sagec" run flash --random 1,1,1,64 --device cuda:0 --driver ./text.so
expect 1 'auto.*cuda:N.*sim:' "$sagec" run flash --random 1,1,1,64 --device toaster
expect 1 'sm_99' "$sagec" run flash --random 1,1,1,64 --device sim:sm_99
expect 0 '' "$sagec" devices --driver ./no-driver.so
holds 'the missing driver is named' grep -q 'no-driver\.so' out

finish
