#!/usr/bin/env bash
# Trains until the run is over, restarting after a crash: every restart resumes from the
# latest complete checkpoint, so a killed process loses no more than one checkpoint
# interval.
#
#   launch/local.sh CONFIG WORKDIR [--config.key=value ...]
#
# Ends with the status of `jsr train` where starting again cannot help: 0 when the run is
# over, 2 after a mistake in the arguments, 130 after Ctrl-C. SIGTERM is passed on, saves
# and ends with 0. MAX_RESTARTS (default 10) limits the restarts.
set -u
# Job control: the child gets Ctrl-C once, from the trap below, and does not ignore it.
set -m

if [ $# -lt 2 ]; then
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
config=$1
workdir=$2
shift 2

restarts=0
while :; do
  jsr train --config "$config" --workdir "$workdir" "$@" &
  child=$!
  stopping=''
  trap 'stopping=1; kill -TERM "$child" 2>/dev/null' TERM HUP
  trap 'stopping=1; kill -INT "$child" 2>/dev/null' INT
  wait "$child"
  status=$?
  # A trapped signal ends the first wait early; the second gets the child's own status.
  if [ -n "$stopping" ]; then
    wait "$child"
    exit $?
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
done
