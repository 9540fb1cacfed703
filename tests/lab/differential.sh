#!/bin/bash
# Each file of differential/GROUP, applied by ifupdown2 3.0 in one namespace and by vtepd in another,
# gives the same kernel state, but for what the file itself excuses with a reason. Where a file has lines
# "#= EXPRESSION" for sed, `vtepctl check -j` says the same as `ifquery -c`, too: of the file as it is,
# and of what each expression makes of it.
# lab: links vrf addresses user-commands
# lab: bridges svi bridge-options
# lab: tunnels single-vxlan vrr
# long: links
# long: bridges
# long: tunnels
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
ifupdown2=$BUILD/ifupdown2 # tests/tools/fetch-ifupdown2 has put it there
group=$1
shift # the files of it, or all

install_programs "$BUILD"
/run/uml/modprobe mpls_router # without it ifupdown2 starts a process for each interface
# ifupdown2 tells iproute2 the names of VRFs' tables here.
mkdir -p /run/ifupdown2/rt_tables.d
mount --bind /run/ifupdown2/rt_tables.d /etc/iproute2/rt_tables.d

# add_ports NAMESPACE: swp1..swp9, as the goldens have them, and a management port.
add_ports() {
  local port
  ip netns add "$1"
  ip -n "$1" link set lo up
  for port in {1..9}; do
    ip -n "$1" link add "swp$port" address "00:00:00:aa:00:0$port" type veth \
      peer name "h$port" address "00:00:00:bb:00:0$port"
    ip -n "$1" link set "h$port" up
  done
  ip -n "$1" link add eth7 address 00:00:00:aa:00:77 type dummy
}

# dump_namespace NAMESPACE FOLDER
dump_namespace() {
  mkdir -p "$2"
  (cd "$2" && dump_state "$1" &&
    on "$1" ip -j -4 route show table all >routes4.json && on "$1" ip -j -6 route show table all >routes6.json)
}

# apply_ifupdown2 NAMESPACE FILE: not by `on`, because ifupdown2 reads the namespace's /sys.
apply_ifupdown2() {
  rm -rf /run/ifupdown2/state /run/ifupdown2/rt_tables.d/*
  cp "$2" /run/ifupdown2/interfaces
  ip netns exec "$1" "$ifupdown2/ifreload" -a >"/run/$1.messages" 2>&1
}

apply_vtepd() {
  make_run_folder "$1"
  cp "$2" "$FABRIC/$1/interfaces"
  start_vtepd "$1" --relay none --sai-library none --user-commands yes
  wait_until "$1: vtepd has written everything" 30 counter_is "$1" synced 1
}

same_states() {
  dump_namespace "$2" "/run/dumps/$2"
  python3 "$LAB/differential.py" "$1" "/run/dumps/${2/v-/u-}" "/run/dumps/$2" >"/run/$2.differences" && return
  dump_namespace "${2/v-/u-}" "/run/dumps/${2/v-/u-}"
  return 1
}

# same_checks FILE NAME: both programs hold what they have made against FILE.
same_checks() {
  cp "$1" /run/ifupdown2/interfaces
  ip netns exec "u-$2" "$ifupdown2/ifquery" -c -a -o json >/run/ifquery.json 2>/run/ifquery.messages
  ctl "v-$2" check -j "$1" >/run/check.json 2>/run/check.messages
  python3 "$LAB/check_as_ifquery.py" /run/ifquery.json /run/check.json
}

files=("$LAB/differential/$group/"*.interfaces)
if (($#)); then
  files=("${@/#/$LAB/differential/$group/}")
  files=("${files[@]/%/.interfaces}")
fi
for file in "${files[@]}"; do
  name=$(basename "$file" .interfaces)
  step "$group/$name"
  add_ports "u-$name"
  add_ports "v-$name"
  apply_ifupdown2 "u-$name" "$file"
  apply_vtepd "v-$name" "$file"
  dump_namespace "u-$name" "/run/dumps/u-$name"
  # Carriers and link-local addresses follow a device by up to a second.
  wait_until "$name: the states are the same" 3 same_states "$file" "v-$name" || {
    indent <"/run/v-$name.differences"
    note "ifupdown2 said:"
    indent <"/run/u-$name.messages"
    ctl "v-$name" show failures
  }
  writes=$(counter "v-$name" kernel_writes)
  ctl "v-$name" reload >/dev/null
  wait_until "$name: in sync again after a reload" 10 counter_is "v-$name" synced 1
  check_equal "$name: which wrote nothing" "$writes" "$(counter "v-$name" kernel_writes)"
  if grep -q '^#= ' "$file"; then
    check "$name: vtepctl check agrees with ifquery" same_checks "$file" "$name"
    while read -r expression; do
      sed -E "$expression" "$file" >/run/changed.interfaces
      check "$name: and after $expression" same_checks /run/changed.interfaces "$name"
    done < <(sed -n 's/^#= //p' "$file")
  fi
  kill_daemon "v-$name" vtepd
  ip netns del "u-$name"
  ip netns del "v-$name"
done
lab_verdict "differential $group"
