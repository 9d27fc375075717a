#!/usr/bin/env bash
# Trains the networks of the zoo one after the other, each for so many minutes, by the
# recipes of their papers, on whatever device JAX finds.
#
#   launch/zoo.sh [-n] MINUTES DATA OUT [NAME ...] [--config.key=value ...]
#
# DATA is a folder of photographs. Workdirs are OUT/NAME; without a NAME, all are trained
# in the order of the list below. The same command continues: each run goes on from its
# latest checkpoint, and one that is over is left alone. -n only prints the commands.
# Keys of the config, such as --config.data.batch_size=4, go to all.
#
# VGG=FILE names VGG19's weights for the content losses; without it they are fetched.
# After a crash launch/local.sh starts a run again. Ctrl-C and SIGTERM save and end.
set -u
set -m

usage() {
  sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

dry=''
if [ "${1:-}" = -n ]; then
  dry=1
  shift
fi
[ $# -ge 3 ] || usage
minutes=$1
data=$2
out=$3
shift 3
[[ "$minutes" =~ ^([0-9]+(\.[0-9]+)?|MINUTES)$ ]] || usage
[ "$minutes" != MINUTES ] || [ -n "$dry" ] || usage
names=()
keys=()
for word in "$@"; do
  case $word in
    --config.*) keys+=("$word") ;;
    -*) usage ;;
    *) names+=("$word") ;;
  esac
done

# NAME CONFIG [FIRST STAGE]: first come those that others start from.
list='
edsr-baseline-x2 configs/edsr.py:baseline,x2
edsr-baseline-x4 configs/edsr.py:baseline,x4,from-x2 edsr-baseline-x2
srresnet-x4 configs/srresnet.py
srgan-mse-x4 configs/srgan.py:mse srresnet-x4
srgan-vgg22-x4 configs/srgan.py:vgg22 srresnet-x4
srgan-vgg54-x4 configs/srgan.py:vgg54 srresnet-x4
rrdb-x4 configs/rrdb.py
esrgan-x4 configs/esrgan.py rrdb-x4
mdsr-x4 configs/mdsr.py
rrim-init-x4 configs/rrim.py:init
rrim-x4 configs/rrim.py rrim-init-x4
'

wanted() {
  local name
  [ ${#names[@]} -gt 0 ] || return 0
  for name in "${names[@]}"; do
    [ "$name" != "$1" ] || return 0
  done
  return 1
}

for name in "${names[@]+"${names[@]}"}"; do
  if ! grep -q "^$name " <<< "$list"; then
    echo "launch/zoo.sh: there is no network '$name'; choose among:" \
      "$(cut -d ' ' -f 1 <<< "$list" | xargs)" >&2
    exit 2
  fi
done

# A word as it can be pasted into a shell; those that need no quotes stay as they are.
quoted() {
  if [[ "$1" =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]]; then
    printf %s "$1"
  else
    printf %q "$1"
  fi
}

child=''
stopping=''
trap 'stopping=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM HUP
trap 'stopping=1; [ -z "$child" ] || kill -INT "$child" 2>/dev/null' INT
here=$(dirname "$0")
failed=0
while read -r name config first; do
  if [ -z "$name" ] || ! wanted "$name"; then
    continue
  fi
  [ -z "$stopping" ] || exit 0
  given=("--config.data.source=$data" "--config.train.max_minutes=$minutes")
  if [ -n "$first" ]; then
    given+=("--config.init_from=$out/$first")
  fi
  if [ -n "${VGG:-}" ]; then
    given+=("--config.losses.vgg=$VGG")
  fi
  given+=("${keys[@]+"${keys[@]}"}")
  if [ -n "$dry" ]; then
    printf 'jsr train --config %s' "$config"
    for word in --workdir "$out/$name" "${given[@]}"; do
      printf ' %s' "$(quoted "$word")"
    done
    echo
    continue
  fi
  echo "launch/zoo.sh: $name" >&2
  "$here/local.sh" "$config" "$out/$name" "${given[@]}" < /dev/null &
  child=$!
  wait "$child"
  status=$?
  if [ -n "$stopping" ]; then
    # The signal ended that wait early. Another one may end this one.
    while kill -0 "$child" 2>/dev/null; do
      wait "$child"
    done
    wait "$child"
    exit "$?"
  fi
  case $status in
    0) ;;
    130) exit 130 ;;
    *)
      # Others may fare better; those that start from this one tell that they cannot.
      echo "launch/zoo.sh: $name ended with status $status" >&2
      failed=$status
      ;;
  esac
done <<< "$list"
exit "$failed"
