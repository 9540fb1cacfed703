// What vtepctl --help prints. The man page and the completion say the same in their ways
// (tests/tools/check-manual).
#pragma once

namespace vtepd::ctl {

inline constexpr auto kHelp = R"(vtepctl [OPTION...] COMMAND

Looking:
  show vni        the VNIs: VLAN, devices, tunnel end, what bgpd was told
  show vlan       the VLANs of each bridge: VNI, SVI, ports
  show mac        one row for each MAC: wanted, BGP, bridge FDB, vxlan FDB, ASIC
  show neigh      hosts' addresses on the SVIs
  show flood      the flood lists: the remote VTEPs of each VNI
  show mcast      multicast groups that hosts have joined, and router ports
  show vtep       the remote VTEPs: what leads there, and whether the underlay does
  show route      the EVPN routes, bgpd's and our own
  show peers      vtepd-relay, bgpd and its EVPN peers
  show duplicates addresses that move: how often, and which are frozen
  show port       devices of the interface files and bridge ports
  show asic       the ASIC's objects
  show counters   what the ASIC has counted: ports, bridge ports, VLANs, tunnels
  show resources  what is used up of what is limited
  show stats      counters, writes to the kernel among them
  show failures   what was refused, why, and when it is tried again
  show events     what happened: the newest 100, or --count N
  fdb             the kernel's FDB entries, as `bridge fdb` prints them
  trace vlan V mac M|ip A [from PORT]     where a frame goes and why, layer by layer; status 1 if
                  one does not agree. Instead of or beside vlan: vni N, br BRIDGE
  history mac MAC [vlan V|vni N]          a MAC's story: who claimed it, what was written, why
  monitor         what happens, live, until it is interrupted (or --count N); with -j a JSON object
                  on each line
    --kernel      and the kernel's bridge tracepoints: a frame taught it, or a program wrote it, and which (root)
  audit [--repair] [--layer kernel|bgp|asic]  reads all tables of kernel, ASIC and bgpd and holds
                  them against what is wanted; status 1 if anything differs (still, with --repair)
  resources       as show resources
  resources fit [--vnis N] [--macs M]     whether so many more find room; status 1 if not
  support [FILE]  one archive for a bug report, secrets left out; its MANIFEST says what is in it

  Rows can be chosen as with bridge, by vlan, vni, dev, br, mac, ip, dst, state, type, ... (fdb: and
  self, master): vtepctl(8) says which table by what.

Changing:
  apply [FILE]    make the switch what the interface files say: prints the difference to what runs,
                  as ip and bridge commands, applies it, and waits until it is done
    --dry-run     only print
    --confirm S   take everything back after S seconds, unless `vtepctl confirm` comes before
    --disruptive  also where a device must be deleted and made anew
  confirm         the change that waits for it stays
  rollback        or is taken back at once
  reload          as apply, of the daemon's own files, without printing commands
  diff [FILE]     what apply would do; status 1 if that is anything, or if apply would refuse it
  check [FILE]    compare what runs with the files, line by line; status 1 where they differ;
                  with -j as `ifquery -a -c -o json` prints it
  record FILE     write down from now on what vtepd hears and decides, for `vtepd --replay FILE`;
                  `record off` ends it
  clear duplicates [VNI MAC|IP]   let frozen addresses go, and count their moves anew
  FILE is read instead of the daemon's interface files; it counts until the next change.

Options:
  -j, --json      JSON, with a "schema" number; rows as they come
  -p, --pretty    JSON for people
  --watch[=S]     the same again every S seconds (2), where that changes nothing
  --color WHEN    auto (on a terminal), always, never
  --vtysh COMMAND how bgpd is asked, for audit and show peers; none: it is not asked
  --socket PATH   where vtepd is; unless told, where /etc/vtepd/vtepd.conf says
  A MAC is written aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff.

Exit status: 0 done, 1 refused or not as wanted, 2 wrong words, 3 vtepd does not answer.

Examples:
  vtepctl show mac vlan 10 state failed     what of VLAN 10 was refused
  vtepctl trace vlan 10 mac 0000.00bb.0021 from swp1
  vtepctl history mac 00:00:00:bb:00:21     who moved it, and when
  vtepctl fdb dev vxlan0 | grep 10.0.0.12   as with bridge fdb
  vtepctl audit --repair                    find what differs, and have it written again
)";

}  // namespace vtepd::ctl
