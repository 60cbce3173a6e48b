# What cannot be parsed is exit code 2 with a way to the help; help and version go to standard output.
source "${0%/*}/common.bash" "$@"

expect 2 'a command is required: run, emit or devices' "$sagec"
expect 2 "unknown command 'frobnicate'; a command is required: run, emit or devices" "$sagec" frobnicate
expect 2 "sagec --help" "$sagec" frobnicate
expect 2 'config is required' "$sagec" run
expect 2 'needs tensors: --input FILE or --random' "$sagec" run sage-b
expect 2 'run --input needs --output' "$sagec" run sage-b --input x.safetensors
expect 2 '--bogus' "$sagec" run sage-b --random 1,1,1,64 --bogus
expect 2 "'1,2,3' is not four positive integers" "$sagec" run sage-b --random 1,2,3
expect 2 'not four positive integers' "$sagec" run sage-b --random 1,2,3,0
expect 2 'not four positive integers' "$sagec" run sage-b --random 1,2,3,4,5
expect 2 'not four positive integers' "$sagec" run sage-b --random 1,2,99999999999999999999,4
expect 2 "'XYZ' is not allowed; HND and NHD are" "$sagec" run sage-b --random 1,1,1,64 --layout XYZ
expect 2 "'xml' is not allowed; text and json are" "$sagec" devices --format=xml
expect 2 "'lse' is not of the form key=value" "$sagec" run sage-b --random 1,1,1,64 --set lse
expect 2 '--input excludes --random|--random excludes --input' "$sagec" run sage-b --random 1,1,1,64 --input x --output y
expect 2 '--output' "$sagec" emit sage-b --arch sm_80
expect 2 '--arch' "$sagec" emit sage-b -o out-directory
expect 2 '--seed' "$sagec" run sage-b --random 1,1,1,64 --seed minus

expect 0 '' "$sagec" --version
holds 'version on standard output' grep -qE '^sagec [0-9]+\.[0-9]+\.[0-9]+$' out
for command in '' run emit devices; do
  # shellcheck disable=SC2086
  expect 0 '' "$sagec" $command --help
  holds "help of '$command' says how to use it" grep -q "^Usage: sagec $command" out
  holds "help of '$command' lists the exit codes" grep -q '^Exit codes' out
  holds "help of '$command' fits 80 columns" awk 'length > 80 { bad = 1 } END { exit bad }' out
  holds "help of '$command' keeps standard error empty" test ! -s err
done

# The page documents every option that the help shows.
for command in run emit devices; do
  "$sagec" $command --help | grep -oE '^  (-o,)?--[a-z-]+' | grep -oE -- '--[a-z-]+' | while read -r option; do
    grep -q -- "$option" "$project/docs/command-line.md" || echo "$option"
  done
done >undocumented
holds "docs/command-line.md lacks $(tr '\n' ' ' <undocumented)" test ! -s undocumented

finish
