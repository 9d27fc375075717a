#!/usr/bin/env bash
# Trains until the run is over, restarting after a crash: every restart resumes from the
# latest complete checkpoint, so a killed process loses no more than one checkpoint
# interval.
#
#   launch/local.sh [-n N] CONFIG WORKDIR [--config.key=value ...]
#
# -n N: N processes that train together, each with its share of the machine's GPUs. If
# one of them dies, the others are ended and all start again.
#
# Ends with the status of `jsr train` where starting again cannot help: 0 when the run is
# over, 2 after a mistake in the arguments, 130 after Ctrl-C. SIGTERM is passed on, saves
# and ends with 0. MAX_RESTARTS (default 10) limits the restarts. Needs bash 5.1.
set -u
# Job control: children get Ctrl-C once, from the trap below, and do not ignore it.
set -m

usage() {
  sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

n=1
if [ "${1:-}" = -n ]; then
  [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
  n=$2
  shift 2
fi
[ $# -ge 2 ] || usage
config=$1
workdir=$2
shift 2

# How many GPUs jsr may use here.
count_gpus() {
  if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    tr ',' '\n' <<< "$CUDA_VISIBLE_DEVICES" | grep -c .
  else
    nvidia-smi -L 2>/dev/null | grep -c '^GPU '
  fi
}

gpus=0
if [ "$n" -gt 1 ]; then
  gpus=$(count_gpus)
  if [ $((gpus % n)) -ne 0 ]; then
    echo "launch/local.sh: $gpus GPUs cannot be shared evenly by $n processes;" \
      "give another -n, or choose some of them by CUDA_VISIBLE_DEVICES" >&2
    exit 2
  fi
fi

# The GPUs of process $1: numbers among those that it may use; empty where there are none.
share() {
  local each=$((gpus / n)) i ids=''
  for ((i = $1 * each; i < ($1 + 1) * each; i++)); do
    ids+="${ids:+,}$i"
  done
  echo "$ids"
}

start() {
  children=()
  if [ "$n" -eq 1 ]; then
    jsr train --config "$config" --workdir "$workdir" "$@" &
    children=("$!")
    return
  fi
  # Below those that Linux gives to programs that do not ask for one.
  local port=${JSR_PORT:-$((20000 + RANDOM % 12000))} i
  for ((i = 0; i < n; i++)); do
    JSR_PROCESSES=$n JSR_PROCESS=$i JSR_COORDINATOR=localhost:$port \
      JAX_LOCAL_DEVICE_IDS=$(share "$i") \
      jsr train --config "$config" --workdir "$workdir" "$@" &
    children+=("$!")
  done
}

signal_all() {
  local one
  for one in "${children[@]}"; do
    kill "-$1" "$one" 2>/dev/null
  done
}

# Sets `status` to that of the first child that failed, or 0 when all ended well.
wait_all() {
  local child each got
  status=0
  while [ "${#children[@]}" -gt 0 ]; do
    child=''
    wait -n -p child "${children[@]}"
    got=$?
    if [ -z "${child:-}" ]; then
      # A trapped signal ends the wait early. Or a child has gone unheard.
      [ "$got" -eq 127 ] || continue
      got=1
    fi
    local rest=()
    for each in "${children[@]}"; do
      [ "$each" = "${child:-}" ] || rest+=("$each")
    done
    children=("${rest[@]+"${rest[@]}"}")
    if [ "$got" -ne 0 ]; then
      status=$got
      if [ "${#children[@]}" -gt 0 ]; then
        # The same fault may be on their lips; what waits for the dead one never ends.
        sleep "${GRACE:-5}"
        signal_all KILL
        wait "${children[@]}" 2>/dev/null
        children=()
      fi
    fi
  done
}

stopping=''
trap 'stopping=1; signal_all TERM' TERM HUP
trap 'stopping=1; signal_all INT' INT
restarts=0
while :; do
  start "$@"
  # A signal that came before the children did.
  [ -z "$stopping" ] || signal_all TERM
  wait_all
  if [ -n "$stopping" ]; then
    exit "$status"
  fi
  case $status in
    0 | 2 | 130) exit "$status" ;;
  esac
  restarts=$((restarts + 1))
  if [ "$restarts" -gt "${MAX_RESTARTS:-10}" ]; then
    echo "launch/local.sh: gave up after $((restarts - 1)) restarts" >&2
    exit "$status"
  fi
  echo "launch/local.sh: jsr train ended with status $status, restart $restarts" >&2
  sleep "${RESTART_DELAY:-5}"
  if [ -n "$stopping" ]; then
    exit "$status"
  fi
done
