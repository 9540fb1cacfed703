#!/bin/bash
# Every interface file of the tests gives the stanzas that `ifquery -a -o json` of ifupdown2 3.0 gives,
# but where ifupdown2 is at fault, which ifquery.py names with a reason.
# Files of tests/data/interfaces/grammar have every kind of line and every attribute.
# lab: all
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
ifupdown2=$BUILD/ifupdown2 # tests/tools/fetch-ifupdown2 has put it there
data=$LAB/../data/interfaces

mkdir -p /run/ifupdown2
while read -r status line; do
  if [[ $status == ok ]]; then pass "$line"; elif [[ $status == FAILED ]]; then fail "$line"; else note "$status $line"; fi
done < <(python3 "$LAB/ifquery.py" "$ifupdown2/ifquery" "$BUILD/agent/interfaces/print_interfaces" \
  "$data"/parser/*.eni "$data"/*/interfaces "$data"/newer/*.interfaces "$data"/grammar/*.interfaces "$LAB"/differential/*/*.interfaces)
lab_verdict "ifquery"
