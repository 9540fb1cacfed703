# shellcheck shell=bash
# shellcheck disable=SC2154 # build and root are the script's that sources this
# A fresh Debian 12 in a folder, and our packages for it. Sourced by check-packages and tests/service/run, with
# `build` (the build folder), `root` (where the Debian is to be) and say() of their own. Root only; the
# packages come from where this machine's apt has them.

die() {
  say "$*" >&2
  exit 1
}
# in_root COMMAND...: with a /proc, which systemd's tools want.
# shellcheck disable=SC2016 # the inner shell expands it
in_root() {
  unshare --mount bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i LC_ALL=C.UTF-8 \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"' "$root" "$@"
}
quietly() {
  "$@" >"$root.log" 2>&1 </dev/null && return
  tail -n 40 "$root.log" >&2
  die "failed: $*"
}
in_build() { (cd "$build" && "$@"); }
install_in_root() { quietly in_root apt-get -q -y --no-install-recommends install "$@"; }

# Makes packages_of, the paths of the three.
make_packages() {
  say "making the packages"
  rm -rf "$build/packages"
  quietly in_build cpack -G DEB -B "$build/packages"
  packages_of=("$build"/packages/*.deb)
  ((${#packages_of[@]} == 3)) || die "not three packages: ${packages_of[*]}"
}

# make_debian: into `root`, able to ask apt; nothing is started in it. debootstrap runs once for a build folder.
make_debian() {
  local base=$build/debian12 file
  if [[ ! -e $base/complete ]]; then
    say "installing a Debian 12 (debootstrap)"
    rm -rf "$base"
    quietly debootstrap --variant=minbase --include=ca-certificates bookworm "$base"
    touch "$base/complete"
  fi
  rm -rf "$root"
  cp -a "$base" "$root"
  rm -rf "$root"/etc/apt/{sources.list,sources.list.d,apt.conf.d}
  for file in sources.list sources.list.d apt.conf.d; do
    [[ ! -e /etc/apt/$file ]] || cp -a "/etc/apt/$file" "$root/etc/apt/"
  done
  cp /etc/resolv.conf "$root/etc/"
  cp -r /usr/share/keyrings/. "$root/usr/share/keyrings/"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  quietly in_root apt-get -q update
}
