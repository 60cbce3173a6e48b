# Sourced by each script: `source common.bash "$@"` with the directory of the programs and the project's root. Gives
# an empty working directory that goes away, and checks that count failures; `finish` reports them. Needs no terminal,
# no network and no rights.
set -uo pipefail

bin=$1
project=$2
sagec=$bin/sagec
json_at=$bin/json-at
data=$project/tests/data
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
checks=0 failures=0
# What a developer has set must not change what is tested.
unset SAGEC_DEVICE SAGEC_DRIVER SAGEC_SIMULATOR SAGEC_COMPILER SAGEC_KERNELS SAGEC_CONFIGS
device=${SAGE_TEST_DEVICE:-sim:sm_80}

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$*"
}

# expect STATUS PATTERN COMMAND…: the exit status, and an extended regular expression that standard error must match
# (empty: anything). Standard output is kept in the file `out`, standard error in `err`.
expect() {
  local status=$1 pattern=$2 got
  shift 2
  checks=$((checks + 1))
  "$@" >out 2>err </dev/null
  got=$?
  if [ "$got" != "$status" ]; then
    fail "exit status $got instead of $status: $*"
    head -c 2000 err
  elif [ -n "$pattern" ] && ! grep -qE -- "$pattern" err; then
    fail "no message like '$pattern': $*"
    head -c 2000 err
  fi
}

# holds WHAT COMMAND…: the command succeeds.
holds() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" >/dev/null 2>&1 || fail "$what"
}

absent() { [ ! -e "$1" ]; }

# The directory holds exactly these names (and the files `out` and `err` of expect, if it is the working one).
holds_only() { # DIRECTORY NAME…
  local directory=$1 have want
  shift
  have=$(find "$directory" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')
  want=$(printf '%s\n' "$@" | sed '/^$/d' | sort | tr '\n' ' ')
  checks=$((checks + 1))
  [ "$have" = "$want" ] || fail "$directory holds '$have' instead of '$want'"
}

# value POINTER: of the JSON in `out`.
value() { "$json_at" "$1" <out; }

# within LOW HIGH POINTER
within() {
  checks=$((checks + 1))
  local number
  number=$(value "$3") || number=absent
  "$json_at" --in "$1" "$2" "$number" || fail "$3 is $number, not in $1 … $2"
}

# is TEXT POINTER
is() {
  checks=$((checks + 1))
  [ "$(value "$2")" = "$1" ] || fail "$2 is '$(value "$2")', not '$1'"
}

# The little-endian u64 of a number below 2^32.
u64() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 24 & 255)))\0\0\0\0"; }

# safetensors HEADER DATA_BYTES: a file with that header, its true size, and zeros for data.
safetensors() {
  u64 ${#1}
  printf '%s' "$1"
  head -c "$2" /dev/zero
}

# qkv DTYPE Q_SHAPE K_SHAPE V_SHAPE BYTES_EACH: a file with three tensors of equal size.
qkv() {
  safetensors "{\"q\":{\"dtype\":\"$1\",\"shape\":$2,\"data_offsets\":[0,$5]},\"k\":{\"dtype\":\"$1\",\"shape\":$3,\"data_offsets\":[$5,$((2 * $5))]},\"v\":{\"dtype\":\"$1\",\"shape\":$4,\"data_offsets\":[$((2 * $5)),$((3 * $5))]}}" $((3 * $5))
}

finish() {
  printf '%s: %d checks, %d failed\n' "${0##*/}" "$checks" "$failures"
  [ "$checks" -gt 0 ] && [ "$failures" = 0 ]
}
