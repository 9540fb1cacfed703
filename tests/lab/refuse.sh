#!/bin/bash
# Bad input is refused whole, with a reason for each line, and the running state stays; the control
# socket is for root and its group only.
# lab: seed
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
golden=$LAB/golden/$1
file=$FABRIC/leaf1/interfaces

step "a switch that is right"
lone_switch "$golden/interfaces"
start_lone_vtepd
wait_until "vtepd has written everything" 30 counter_is leaf1 synced 1 || lab_verdict "bad input"
before=$(canonical_state leaf1)

step "a file with three errors and one good change"
sed -e 's/^\( *vxlan-id\) 10$/\1 99999999/' -e 's/^\( *mtu\) 9152$/\1 many/' \
  -e 's/^\( *bridge-vids\) 10$/\1 10 4095/' "$golden/interfaces" >"$file"
printf 'auto bridge.30\niface bridge.30\n' >>"$file"
# The wrong lines, as the parser must name them.
wrong=$(diff "$golden/interfaces" "$file" | sed -n 's/^\([0-9]*\)c.*/\1/p')
check_equal "the test has made three errors" 3 "$(wc -w <<<"$wrong")"
answer=$(ctl leaf1 reload 2>&1)
check "vtepctl reload fails" test $? != 0
indent <<<"$answer"
for line in $wrong; do
  check "the answer names line $line with a reason" grep -qE "interfaces:$line: .{5,}" <<<"$answer"
done
check "the log names them too" grep -q "interfaces:${wrong%%$'\n'*}:" "$FABRIC/leaf1/vtepd.log"
wait_until "vtepd goes on" 5 counter_is leaf1 synced 1
check_equal "nothing of the file was applied" "$before" "$(canonical_state leaf1)"

step "the mended file is taken"
cp "$golden/interfaces" "$file"
printf '\nauto bridge.30\niface bridge.30\n' >>"$file"
check "vtepctl reload succeeds" ctl leaf1 reload
wait_until "its new device is there" 5 ip -n leaf1 link show bridge.30

step "a start with a bad file leaves the switch as it is"
kill_daemon leaf1 vtepd
before=$(canonical_state leaf1)
printf 'iface swp1\n    bridge-access 70000\n' >"$file"
start_lone_vtepd
wait_until "the error is told" 10 grep -qE "interfaces:2: .*70000" "$FABRIC/leaf1/vtepd.log"
check_equal "the state has not changed" "$before" "$(canonical_state leaf1)"
cp "$golden/interfaces" "$file"
restart_lone() { kill_daemon leaf1 vtepd && start_lone_vtepd; }
restart_lone
wait_until "vtepd is back with a good file" 30 counter_is leaf1 synced 1

step "who may ask"
as_nobody_else() { setpriv --reuid daemon --regid daemon --clear-groups "$BIN/vtepctl" "$@"; }
check_not "another user is refused" as_nobody_else --socket "$FABRIC/leaf1/vtepd.sock" show vni
check "root is not" ctl leaf1 show vni
lab_verdict "bad input and strangers are refused"
