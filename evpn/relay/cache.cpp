#include "evpn/relay/cache.h"

namespace vtepd::evpn::relay {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

/// Whether `table` differs from before.
template <class Table, class Key, class Row>
bool put(Table& table, const Key& key, const Row& row) {
  const auto [it, inserted] = table.try_emplace(key, row);
  if (inserted) return true;
  if (it->second == row) return false;
  it->second = row;
  return true;
}

template <class Value>
bool set(std::optional<Value>& known, const Value& value) {
  if (known == value) return false;
  known = value;
  return true;
}

}  // namespace

bool Cache::apply(const EvpnMessage& message) {
  return std::visit(Overloaded{
                        [&](const AddLocalVni& m) { return put(local_vnis_, m.vni, m); },
                        [&](const DeleteLocalVni& m) { return erase(m); },
                        [&](const AddLocalMacIp& m) { return add(m); },
                        [&](const DeleteLocalMacIp& m) { return erase(m); },
                        [&](const AddRemoteVtep& m) {
                          has_fresh_ = has_fresh_ || !m.stale;
                          return put(remote_vteps_, m.key, m);
                        },
                        [&](const DeleteRemoteVtep& m) { return remote_vteps_.erase(m.key) != 0; },
                        [&](const AddRemoteMacIp& m) { return add(m); },
                        [&](const DeleteRemoteMacIp& m) { return erase(m); },
                        [&](const AdvertiseAllVni& m) {
                          const bool erased = !m.on && erase_fresh([](Vni) { return true; });
                          return set(all_vni_, m) || erased;
                        },
                        [&](const Advertise& m) {
                          return put(advertise_, std::pair{m.what, m.vni}, m);
                        },
                        [&](const SetFloodControl& m) { return put(flood_, m.vni, m); },
                        [&](const DuplicateDetection& m) { return set(duplicates_, m); },
                        [](const auto&) { return false; },
                    },
                    message);
}

bool Cache::add(const AddRemoteMacIp& route) {
  has_fresh_ = has_fresh_ || !route.stale;
  const auto& key = route.key;
  const SharedSaid said(Said{route.sequence, route.vtep, route.flags, route.esi, route.stale});
  if (key.ip.is_none()) return put(remote_macs_, MacKey{key.vni, key.mac}, said);
  return put(remote_hosts_, key, said);
}

bool Cache::erase(const DeleteRemoteMacIp& withdrawal) {
  const auto& key = withdrawal.key;
  if (key.ip.is_none()) return remote_macs_.erase({key.vni, key.mac}) != 0;
  return remote_hosts_.erase(key) != 0;
}

const Cache::Said* Cache::remote(const MacIpKey& key) const {
  if (key.ip.is_none()) {
    const auto it = remote_macs_.find({key.vni, key.mac});
    return it == remote_macs_.end() ? nullptr : &it->second.get();
  }
  const auto it = remote_hosts_.find(key);
  return it == remote_hosts_.end() ? nullptr : &it->second.get();
}

bool Cache::add(const AddLocalMacIp& route) {
  auto& of_vni = local_macs_[route.key.vni];
  const auto before = of_vni.size();
  const bool changed = put(of_vni, route.key, route);
  local_macs_held_ += of_vni.size() - before;
  return changed;
}

bool Cache::erase(const DeleteLocalMacIp& withdrawal) {
  const auto of_vni = local_macs_.find(withdrawal.key.vni);
  if (of_vni == local_macs_.end() || of_vni->second.erase(withdrawal.key) == 0) return false;
  --local_macs_held_;
  if (of_vni->second.empty()) local_macs_.erase(of_vni);
  return true;
}

bool Cache::erase(const DeleteLocalVni& gone) {
  if (const auto of_vni = local_macs_.find(gone.vni); of_vni != local_macs_.end()) {
    local_macs_held_ -= of_vni->second.size();
    local_macs_.erase(of_vni);
  }
  return local_vnis_.erase(gone.vni) != 0;
}

std::optional<bool> Cache::is_stale(const EvpnMessage& withdrawal) const {
  if (const auto* mac = std::get_if<DeleteRemoteMacIp>(&withdrawal)) {
    if (const auto* said = remote(mac->key)) return said->stale;
  }
  if (const auto* vtep = std::get_if<DeleteRemoteVtep>(&withdrawal)) {
    const auto it = remote_vteps_.find(vtep->key);
    if (it != remote_vteps_.end()) return it->second.stale;
  }
  return std::nullopt;
}

bool Cache::withdraw(const EvpnMessage& withdrawal) {
  return is_stale(withdrawal) == false && apply(withdrawal);
}

bool Cache::sweep(const EvpnMessage& withdrawal) {
  return is_stale(withdrawal) == true && apply(withdrawal);
}

void Cache::mark_stale() {
  has_fresh_ = false;
  const auto make_stale = [](SharedSaid& row) {
    auto said = row.get();
    said.stale = true;
    row = said;
  };
  for (auto& [key, row] : remote_vteps_) row.stale = true;
  for (auto& [key, row] : remote_macs_) make_stale(row);
  for (auto& [key, row] : remote_hosts_) make_stale(row);
}

void Cache::forget_remote(const std::set<Vni>& vnis) {
  erase_fresh([&](Vni vni) { return vnis.contains(vni); });
}

bool Cache::erase_fresh(const std::function<bool(Vni)>& of) {
  if (!has_fresh_) return false;
  const auto vteps = erase_if(
      remote_vteps_, [&](const auto& row) { return !row.second.stale && of(row.first.vni); });
  const auto goes = [&](const auto& row) { return !row.second.get().stale && of(row.first.vni); };
  const auto macs = erase_if(remote_macs_, goes);
  const auto hosts = erase_if(remote_hosts_, goes);
  return vteps + macs + hosts != 0;
}

std::vector<EvpnMessage> Cache::reset_switches() {
  std::vector<EvpnMessage> undo;
  for (const auto& [key, row] : advertise_) {
    if (row.on) undo.emplace_back(Advertise{row.what, false, row.vni});
  }
  for (const auto& [vni, row] : flood_) {
    const auto neutral = vni.is_none() ? FloodControl::HeadEndReplication : FloodControl::Inherit;
    undo.emplace_back(SetFloodControl{neutral, vni});
  }
  if (all_vni_on()) undo.emplace_back(AdvertiseAllVni{});
  for (const auto& message : undo) apply(message);
  return undo;
}

}  // namespace vtepd::evpn::relay
