#!/usr/bin/env bash
# One unattended run of everything that only a GPU can answer: facts, conformance, measurements, benchmarks, peers.
# Lies at the top of the unpacked kit (tools/gpu-kit/pack) and needs bash and coreutils; tar, xz, nvidia-smi,
# compute-sanitizer and Python with PyTorch are used where they are. It changes no setting of the GPU.
#
# Each stage has a time limit; one that fails or is stopped does not stop the next. All lands in one directory
# (docs/measuring.md has the format), which is whole at every moment: also after Ctrl-C.
#
# Exit status: 0 all stages ok, 1 the directory cannot be written, 2 usage, 3 no such device, 5 a stage failed or is not
# complete, 130 interrupted.
export LC_ALL=C
unset LANGUAGE
# Where containers and toolkits have nvidia-smi, the driver and compute-sanitizer.
PATH=$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer
driver_directory=/usr/local/nvidia/lib64
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P) || exit 1
bin=$kit/bin

# Seconds for each stage, quick full tiny. `timeout` gives two more before it kills; with these for every line they are
# 180 and 480 seconds at most. `start` is the driver's start and the first questions to it.
limits=(
  'start       10  10  60'
  'facts        6   8  30'
  'conformance 15  56 240'
  'numerics    24  42 240'
  'machine     24  50 240'
  'attention   34 132 240'
  'peers       26 110  60'
  'sanitizer   11  36  30'
  'summary      4   6  30'
  'packing      6  10  30'
)
grace=2
# What the whole run may take. A driver that starts slowly, up to 60 s, takes it from the last stages.
totals='180 480 1800'

usage() {
  cat <<'END'
Usage: run.sh [--quick | --full | --tiny] [--device D] --out DIR

Proves and measures sagec on a GPU and leaves all raw data in DIR, a summary
in DIR/summary.txt and everything packed in DIR/results.tar.xz.

  --quick      a few sizes, at most 3 minutes (default)
  --full       all sizes, at most 8 minutes
  --tiny       sizes for the simulator: checks that the kit works, measures
               nothing
  --device D   cuda:N (default cuda:0) or sim:ARCH
  --out DIR    a new or empty directory

Limits of the stages in seconds (peers also get what stages before them leave):
END
  printf '  %-12s %5s %5s\n' stage quick full
  local row name quick full tiny
  for row in "${limits[@]}"; do
    read -r name quick full tiny <<<"$row"
    printf '  %-12s %5s %5s\n' "$name" "$quick" "$full"
  done
}

say() { printf '%s\n' "$*" >&2; }
fail() { # STATUS MESSAGE
  say "run.sh: $2"
  exit "$1"
}

parse_arguments() {
  mode=quick device=cuda:0 out=
  while [ $# -gt 0 ]; do
    case $1 in
    --quick | --full | --tiny) mode=${1#--} ;;
    --device | --out)
      [ $# -ge 2 ] || fail 2 "$1 needs a value; see --help"
      [ "$1" = --out ] && out=$2 || device=$2
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) fail 2 "unknown argument '$1'; see --help" ;;
    esac
    shift
  done
  [ -n "$out" ] || fail 2 "say where the results go: --out DIR; see --help"
  case $device in
  cuda:* | sim:*) ;;
  *) fail 2 "--device is cuda:N or sim:ARCH, not '$device'" ;;
  esac
}

open_directory() {
  mkdir -p -- "$out" 2>/dev/null && [ -w "$out" ] || fail 1 "cannot write to '$out'"
  out=$(cd -- "$out" && pwd -P) || exit 1
  [ -z "$(ls -A -- "$out")" ] || fail 1 "'$out' is not empty; each run has a directory of its own"
}

# --- JSON by hand ---

json_text() { # STRING
  local s=$1
  s=${s//[^ -~]/?}
  s=${s//\\/\\\\}
  printf '"%s"' "${s//\"/\\\"}"
}

now_us() { # microseconds since 1970
  local t=${EPOCHREALTIME:-$(date +%s.%6N)}
  printf '%s' "${t/./}"
}

seconds() { # MICROSECONDS
  printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000))
}

write_file() { # PATH, from standard input: whole or not at all
  cat >"$1.tmp" && mv -f -- "$1.tmp" "$1"
}

stage_rows=()
complete=false
write_run() {
  local row separator=
  {
    printf '{"format": 1, "program": "gpu-kit", "commit": %s, "dirty": %s, "date": "%s",\n' \
      "$(json_text "$commit")" "$dirty" "$date"
    printf ' "mode": "%s", "device": %s, "kit": %s, "complete": %s,\n "stages": [' \
      "$mode" "$(json_text "$device")" "$(json_text "$kit_date")" "$complete"
    for row in "${stage_rows[@]}"; do
      printf '%s\n  %s' "$separator" "$row"
      separator=,
    done
    printf '\n ]}\n'
  } | write_file "$out/run.json"
}

read_version() {
  commit=unknown dirty=false kit_date=
  local key value
  if [ -r "$kit/VERSION" ]; then
    { read -r commit; while read -r key value; do
      case $key in
      dirty:) [ "$value" = yes ] && dirty=true ;;
      date:) kit_date=$value ;;
      esac
    done; } <"$kit/VERSION"
  fi
  date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# --- stages ---

interrupted=
child=
on_interrupt() {
  interrupted=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

limit_of() { # STAGE
  local row name quick full tiny
  for row in "${limits[@]}"; do
    read -r name quick full tiny <<<"$row"
    [ "$name" = "$1" ] && printf '%s' "${!mode}"
  done
}

# Sets the time by which the last stage must have ended, so that summary and packing still fit.
set_deadline() { # MICROSECONDS, when the run began
  local quick full tiny
  read -r quick full tiny <<<"$totals"
  deadline=$(($1 + (${!mode} - $(limit_of summary) - $(limit_of packing) - 2 * grace) * 1000000))
}

begin_stage() { # NAME
  local left
  stage=$1 limit=$(limit_of "$1") log=$out/log-$1.txt
  began=$(now_us)
  left=$(((deadline - began) / 1000000 - grace))
  [ $left -ge "$limit" ] || limit=$((left > 0 ? left : 0))
  # What all of them take nobody knows, and there are always more: they also get what the stages before have left.
  if [ "$1" = peers ] && [ "$mode" != tiny ]; then
    left=$((left - $(limit_of sanitizer) - grace))
    [ "$limit" -ge $left ] || limit=$left
  fi
  printf '%-12s ' "$stage" >&2
  : >"$log"
}

end_stage() { # STATUS REASON EXIT
  local took=$(($(now_us) - began))
  stage_rows+=("$(printf '{"name": "%s", "status": "%s", "start": %s, "seconds": %s, ' \
    "$stage" "$1" "$(seconds "$began")" "$(seconds "$took")"
  printf '"limit": %s, "exit": %s, "reason": %s}' "$limit" "${3:-0}" "$(json_text "$2")")")
  write_run
  case $1 in failed | timeout | partial) any_failed=yes ;; esac
  say "$1, $((took / 1000000)) s${2:+: $2}"
}

last_line() { # FILE: its last line with anything in it, at most 200 characters
  local line found=
  while read -r line || [ -n "$line" ]; do [ -z "$line" ] || found=$line; done < <(tail -n 20 -- "$1" 2>/dev/null)
  found=${found//[^ -~]/?}
  printf '%s' "${found:0:200}"
}

run_limited() { # SECONDS COMMAND…: its output goes to $log; returns its status
  local seconds=$1 status
  shift
  [ "$seconds" -ge 1 ] || return 124
  timeout -k "$grace" "$seconds" "$@" >>"$log" 2>&1 </dev/null &
  child=$!
  wait "$child" 2>/dev/null # bash tells of a killed child there
  status=$?
  # An interrupt ends the first wait at once; the program is given its time to go.
  if [ -n "$interrupted" ]; then
    wait "$child" 2>/dev/null
    status=130
  fi
  child=
  return "$status"
}

# "; N cases done" where the program has written its file only in part. Each case has one `config`, a peer's one `bits`,
# each measurement one `unit`. Nothing for a file that is whole or not there.
missing_part() { # FILE
  local line count=0 partial=
  [ -r "$1" ] || return
  while read -r line; do
    case $line in
    '"complete": false'*) partial=yes ;;
    '"running":'*) break ;; # what was under way comes last
    '"config":'* | '"bits":'* | '"unit":'*) count=$((count + 1)) ;;
    esac
  done <"$1"
  [ -z "$partial" ] || printf '; %d cases done' $count
}

# The same of tests, from the lines "SECONDS s: NAME" of the log.
ended_tests() {
  local line count=0
  while read -r line; do
    [[ ! $line =~ ^[0-9.]+' s: ' ]] || count=$((count + 1))
  done <"$log"
  printf '; %d tests done' $count
}

finish_stage() { # STATUS, of run_limited
  local part
  if [ "$stage" != numerics ]; then
    part=$(missing_part "$out/$stage.json")
  elif [ "$1" != 0 ]; then
    part=$(ended_tests)
  fi
  case $1 in
  0)
    if [ -n "$part" ]; then
      end_stage partial "stopped by its time limit$part"
    else
      end_stage ok ''
    fi
    ;;
  124 | 137 | 143) # the last one by the `timeout` of busybox
    [ "$limit" -ge 1 ] || { end_stage timeout 'no time left' "$1"; return; }
    end_stage timeout "stopped at its limit of $limit s$part" "$1"
    ;;
  130) end_stage interrupted 'stopped by the user' "$1" ;;
  *) end_stage failed "exit status $1$part: $(last_line "$log")" "$1" ;;
  esac
}

# What programs of the format are given. Their own limit is a little shorter, so that they may end in good order.
measure_stage() { # NAME PROGRAM OPTION…
  [ -z "$interrupted" ] || return
  begin_stage "$1"
  [ -x "$bin/$2" ] || { end_stage skipped "the kit has no $2"; return; }
  run_limited "$limit" "$bin/$2" --device "$device" "--$mode" --time-limit $((limit * 9 / 10)) "${@:3}" \
    --out "$out/$1.json"
  finish_stage $?
}

facts_stage() {
  begin_stage facts
  local cpu='' line driver='' libc=''
  if command -v nvidia-smi >/dev/null 2>&1; then
    timeout -k 1 4 nvidia-smi -q >"$out/nvidia-smi.txt" 2>>"$log" || say_log 'nvidia-smi -q failed'
    while read -r line; do
      case $line in 'Driver Version'*) driver=${line#*: } ;; esac
    done <"$out/nvidia-smi.txt"
  else
    printf 'nvidia-smi is not installed\n' >"$out/nvidia-smi.txt"
  fi
  while read -r line; do
    case $line in 'model name'*) cpu=${line#*: }; break ;; esac
  done </proc/cpuinfo
  libc=$(ldd --version 2>/dev/null | head -n 1)
  {
    printf '{"format": 1, "program": "gpu-kit", "driver": %s, "cpu": %s, "cores": %s,\n' \
      "$(json_text "$driver")" "$(json_text "$cpu")" "$(nproc)"
    printf ' "kernel": %s, "glibc": %s, "system": %s,\n "sagec_devices": %s}\n' "$(json_text "$(uname -sr)")" \
      "$(json_text "$libc")" "$(json_text "$(. /etc/os-release 2>/dev/null && printf '%s' "$PRETTY_NAME")")" "$devices"
  } | write_file "$out/device.json"
  end_stage ok ''
}

say_log() { printf '%s\n' "$*" >>"$log"; }

# Clocks, power and throttle reasons all along, read only. Being there all the time, it also keeps the driver from
# putting an idle GPU to sleep between stages.
sampler=
start_sampling() {
  local index=${device#cuda:} common field
  case $device in cuda:*) ;; *) return ;; esac
  command -v nvidia-smi >/dev/null 2>&1 || return
  if [ -n "$CUDA_VISIBLE_DEVICES" ]; then
    local -a visible
    IFS=, read -r -a visible <<<"$CUDA_VISIBLE_DEVICES"
    index=${visible[$index]:-$index}
  fi
  common=timestamp,index,clocks.sm,clocks.mem,clocks.max.sm,power.draw,power.limit,temperature.gpu,utilization.gpu
  # The field's name changed with the driver.
  for field in ,clocks_event_reasons.active ,clocks_throttle_reasons.active ''; do
    timeout -k 1 5 nvidia-smi -i "$index" --query-gpu="$common$field" --format=csv >/dev/null 2>&1
    case $? in 0) break ;; 124 | 137 | 143) field=; break ;; esac
  done
  TZ=UTC0 nvidia-smi -i "$index" --query-gpu="$common$field" --format=csv -lms 200 >"$out/clocks.csv" 2>/dev/null &
  sampler=$!
}

stop_background() { # PROCESS, or nothing where none was started
  [ -n "$1" ] || return
  kill "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# A quick run has time for one config.
sanitizer_stage() {
  [ -z "$interrupted" ] || return
  begin_stage sanitizer
  local tool config configs=(sage-b flash) each status worst=0 found= path
  [ "$mode" != quick ] || configs=(sage-b)
  path=$(command -v compute-sanitizer)
  case $device in sim:*) end_stage skipped 'the device is simulated, and its detectors are always on'; return ;; esac
  [ -n "$path" ] || { end_stage skipped 'compute-sanitizer is not installed'; return; }
  local end=$((began + limit * 1000000)) open=
  for tool in memcheck racecheck synccheck; do
    for config in "${configs[@]}"; do
      each=$(((end - $(now_us)) / 1000000))
      [ "$each" -ge 1 ] && [ -z "$interrupted" ] || { found+=", $tool $config: no time left" open=yes; continue; }
      say_log "== $tool $config"
      run_limited "$each" "$path" --tool "$tool" --error-exitcode 86 "$bin/sagec" run "$config" --random 1,2,333,64 \
        --device "$device"
      status=$?
      case $status in
      0) found+=", $tool $config: ok" ;;
      86) found+=", $tool $config: ERRORS" worst=86 ;;
      124 | 137 | 143) found+=", $tool $config: out of time" open=yes ;;
      *) found+=", $tool $config: exit status $status"; [ $worst = 86 ] || worst=$status ;;
      esac
    done
  done
  if [ -n "$interrupted" ]; then
    end_stage interrupted "${found#, }" 130
  elif [ "$worst" != 0 ]; then
    end_stage failed "${found#, }" "$worst"
  elif [ -n "$open" ]; then
    end_stage partial "${found#, }"
  else
    end_stage ok "${found#, }"
  fi
}

peers_stage() {
  [ -z "$interrupted" ] || return
  begin_stage peers
  local status line
  command -v python3 >/dev/null 2>&1 || { end_stage skipped 'python3 is not installed'; return; }
  run_limited "$limit" python3 "$kit/peers.py" --device "$device" "--$mode" --time-limit $((limit * 9 / 10)) \
    --shapes "$out/attention.json" --tensors "$scratch/tensors" --out "$out/peers.json"
  status=$?
  [ "$status" != 0 ] || while read -r line; do # behind whatever the import of PyTorch has said
    case $line in 'all: skipped: '*) end_stage skipped "${line#all: skipped: }"; return ;; esac
  done <"$log"
  finish_stage "$status"
}

# Tests of every kernel against its model, as Catch2 tells them. On the simulator a few, since its tests run them all.
numerics_stage() {
  local only=()
  [ "$mode" != tiny ] || only=('every bundled layer*')
  [ -z "$interrupted" ] || return
  begin_stage numerics
  [ -x "$bin/numerics-tests" ] || { end_stage skipped 'the kit has no numerics-tests'; return; }
  run_limited "$limit" "$bin/numerics-tests" --device "$device" --data "$kit/data" --durations yes "${only[@]}"
  finish_stage $?
}

# --- the end ---

summarise() {
  timeout -k "$grace" "$(limit_of summary)" "$bin/kit-summary" "$out" >"$out/summary.txt.tmp" \
    2>"$out/log-summary.txt" || {
    printf 'The summary could not be made: %s\n' "$(last_line "$out/log-summary.txt")"
    printf '%s\n' "${stage_rows[@]}"
  } >"$out/summary.txt.tmp"
  mv -f -- "$out/summary.txt.tmp" "$out/summary.txt"
}

pack_results() {
  local archive how status
  command -v tar >/dev/null 2>&1 || { say 'tar is not installed: the results are not packed'; return; }
  for how in xz gz; do
    archive=$out/results.tar.$how
    XZ_OPT=-3 timeout -k "$grace" "$(limit_of packing)" tar -C "$(dirname -- "$out")" --exclude='results.tar.*' \
      --exclude='*.tmp' "$([ $how = xz ] && echo -J || echo -z)" -cf "$archive.part" "${out##*/}" 2>/dev/null
    status=$?
    # 1: the directory changed while it was read, since the archive is written there; that is left out anyway.
    if [ $status -le 1 ] && [ -s "$archive.part" ]; then
      mv -f -- "$archive.part" "$archive"
      return
    fi
    rm -f -- "$archive.part"
    say "the results could not be packed as .tar.$how: tar ended with status $status"
    case $status in 124 | 137 | 143) return ;; esac # there was time for one only
  done
}

# The C++ library of this system where it will do, else the one that the kit brings along.
choose_cxx_library() {
  "$bin/sagec" --version >/dev/null 2>&1 && return
  export LD_LIBRARY_PATH=$kit/fallback${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  "$bin/sagec" --version >/dev/null 2>&1 || fail 1 "sagec does not run here: $("$bin/sagec" --version 2>&1 | head -n 1)"
}

# Sets `devices`, which stays for device.json. The first question starts the driver, which can take long on a machine of
# many GPUs.
is_usable() {
  local object
  devices=$(timeout -k "$grace" 60 "$bin/sagec" devices --format=json 2>/dev/null)
  object=${devices//[[:space:]]/}
  object=${object#*"\"device\":\"$device\""}
  [[ ${object%%\}*} == *'"usable":true'* ]] && [ "$object" != "${devices//[[:space:]]/}" ]
}

# A device that is not there is told before anything else.
check_device() {
  is_usable && return
  if [ -e "$driver_directory/libcuda.so.1" ]; then
    export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$driver_directory
    is_usable && return
  fi
  timeout -k 1 10 "$bin/sagec" devices >&2
  fail 3 "there is no usable $device here"
}

# Goes with the run: the inputs that ours and the peers are timed on, and what drivers and compilers keep, which would
# otherwise come from, and go to, the user's home; so nothing is known from before.
make_scratch() {
  scratch=$(mktemp -d) && mkdir "$scratch/tensors" "$scratch/cuda" "$scratch/triton" "$scratch/inductor" ||
    fail 1 'no temporary directory can be made'
  trap 'rm -rf -- "$scratch"' EXIT
  export CUDA_CACHE_PATH=$scratch/cuda TRITON_CACHE_DIR=$scratch/triton TORCHINDUCTOR_CACHE_DIR=$scratch/inductor
}

# Variables that would measure something else than the kit as it is: containers switch the driver's cache off, for one.
forget_settings() {
  unset CUDA_CACHE_DISABLE CUDA_CACHE_MAXSIZE CUDA_DISABLE_JIT CUDA_DISABLE_PTX_JIT CUDA_FORCE_JIT CUDA_FORCE_PTX_JIT \
    CUDA_LAUNCH_BLOCKING "${!SAGEC_@}"
}

# PyTorch's gigabytes come from a cold disk while nothing is timed.
reader=
read_pytorch() {
  case $device in cuda:*) ;; *) return ;; esac
  command -v python3 >/dev/null 2>&1 || return
  timeout -k 1 60 python3 -c 'import torch' >/dev/null 2>&1 </dev/null &
  reader=$!
}

main() {
  local start
  start=$(now_us)
  parse_arguments "$@"
  set_deadline "$start"
  # nvidia-smi counts devices in this order, CUDA by default in another.
  export CUDA_DEVICE_ORDER=${CUDA_DEVICE_ORDER:-PCI_BUS_ID}
  forget_settings
  choose_cxx_library
  check_device
  open_directory
  read_version
  trap on_interrupt INT TERM HUP
  make_scratch
  any_failed=
  write_run
  start_sampling
  read_pytorch
  facts_stage
  measure_stage conformance conformance
  numerics_stage
  stop_background "$reader"
  measure_stage machine bench-machine
  measure_stage attention bench-attention --tensors "$scratch/tensors"
  peers_stage
  sanitizer_stage
  stop_background "$sampler"
  [ -n "$interrupted" ] || complete=true
  write_run
  summarise
  pack_results
  cat "$out/summary.txt"
  [ -z "$interrupted" ] || exit 130
  [ -z "$any_failed" ] || exit 5
}

main "$@"
