# shellcheck shell=bash
# Completion of vtepctl's words for bash. Static, but for devices: it asks nobody anything.
_vtepctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} each command="" table="" at place=0
  local commands="show fdb trace history monitor audit resources support apply confirm rollback reload diff check record clear"
  local tables="vni vlan mac neigh flood mcast vtep route peers duplicates port asic counters resources stats failures events"
  local options="--json --pretty --watch --color --vtysh --socket --help --version"
  local -A filters=(
    [vni]="vni vlan br dev state" [vlan]="vlan vni br dev" [mac]="mac vlan vni dev dst type state"
    [neigh]="ip mac vlan vni dev state" [flood]="vni vlan dev dst state" [mcast]="vlan br dev ip state" [vtep]="dst state"
    [route]="vni mac ip dst type state" [peers]="state" [duplicates]="vni state" [port]="dev br state"
    [asic]="key state" [counters]="key dir" [stats]="counter" [failures]="layer" [events]="mac vlan vni dev layer by"
    [fdb]="mac dev br vlan vni dst state self master")
  COMPREPLY=()
  # What was said so far, options aside.
  for ((at = 1; at < COMP_CWORD; ++at)); do
    each=${COMP_WORDS[at]}
    [[ $each == -* ]] && continue
    if [[ ! $command ]]; then command=$each; elif [[ ! $table ]]; then table=$each place=$at; fi
  done
  ((place == COMP_CWORD - 1)) && [[ $command == show ]] && before="" # "show vlan": no VLAN is wanted
  offer() { mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word"); }
  case $before in
    dev | from | br) offer "$(cd /sys/class/net 2>/dev/null && echo *)" && return ;;
    --color) offer auto always never && return ;;
    --layer) offer kernel bgp asic && return ;;
    --socket | mac | ip | vlan | vni | dst | --confirm | --count | --vnis | --macs) return ;;
  esac
  case $command in
    "") offer "$commands $options" ;;
    show)
      if [[ ! $table ]]; then
        offer "$tables"
      elif [[ $table == events ]]; then
        offer "${filters[events]} --count $options"
      else
        offer "${filters[$table]-} $options"
      fi
      ;;
    fdb) offer "${filters[fdb]} $options" ;;
    trace) offer "vlan vni br mac ip from $options" ;;
    history) offer "mac vlan vni $options" ;;
    monitor) offer "${filters[events]} --count --kernel $options" ;;
    audit) offer "--repair --layer $options" ;;
    resources) if [[ $table == fit ]]; then offer "--vnis --macs $options"; else offer fit; fi ;;
    clear) offer duplicates ;;
    record) [[ $table ]] || mapfile -t COMPREPLY < <(compgen -W off -- "$word" && compgen -f -- "$word") ;;
    apply | diff | check | support)
      local own=""
      [[ $command == apply ]] && own="--dry-run --confirm --disruptive"
      [[ $command == diff ]] && own="--disruptive"
      if [[ $word == -* ]]; then offer "$own $options"; else mapfile -t COMPREPLY < <(compgen -f -- "$word"); fi
      ;;
    *) offer "$options" ;;
  esac
}
complete -F _vtepctl vtepctl
