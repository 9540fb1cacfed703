#include "evpn/relay/service.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "evpn/relay/sockets.h"

namespace vtepd::evpn::relay {

Service::Service() : managed_(std::getenv("NOTIFY_SOCKET") != nullptr) {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) > 0) {
    interval_ = std::chrono::microseconds(microseconds / 3);
  }
}

Result<void> Service::store(const std::string& name, int fd) const {
  if (!managed_) return {};
  const auto state = fmt::format("FDSTORE=1\nFDNAME={}", name);
  const int sent = ::sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1);
  if (sent < 0) return system_error(fmt::format("store descriptor {}", name), -sent);
  return {};
}

void Service::remove(const std::string& name) const {
  (void)::sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name).c_str());
}

void Service::ready() const { (void)::sd_notify(0, "READY=1"); }
void Service::stopping() const { (void)::sd_notify(0, "STOPPING=1"); }
void Service::watchdog() const { (void)::sd_notify(0, "WATCHDOG=1"); }

std::map<std::string, UniqueFd> Service::take_descriptors() {
  std::map<std::string, UniqueFd> taken;
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    const std::string name = names[i];
    std::free(names[i]);
    std::string key = name;
    for (int n = 2; taken.contains(key); ++n) key = fmt::format("{}#{}", name, n);
    const int fd = SD_LISTEN_FDS_START + i;
    // systemd hands sockets over as blocking ones (NonBlocking= in systemd.exec(5)).
    set_nonblocking(fd);
    taken.emplace(key, UniqueFd(fd));
  }
  std::free(static_cast<void*>(names));
  return taken;
}

}  // namespace vtepd::evpn::relay
