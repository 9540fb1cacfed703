#include "agent/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace vtepd::agent {
namespace json = boost::json;
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// A write that comes later was not waited for: it is another try, or has a reason of its own.
constexpr auto kLongestAnswer = std::chrono::seconds(60);

/// The rows of `show stats` that go up and down; the others only count.
constexpr std::array kGauges{
    "kernel_failures", "kernel_pending",       "bgp_session",     "relay",
    "remote_macs",     "local_macs",           "stale_routes",    "unclaimed_entries",
    "synced",          "snooped_hosts",        "neighbors_ipv4",  "neighbors_ipv4_limit",
    "neighbors_ipv6",  "neighbors_ipv6_limit", "neighbors_alarm", "tables_alarm",
    "asic_failures",   "asic_synced",          "asic_objects",    "asic_call_seconds"};

class Families {
 public:
  void add(const std::string& name, MetricType type, const std::string& help, double value,
           std::vector<ClientMetric::Label> labels = {}) {
    auto& metric = family(name, type, help).metric.emplace_back();
    metric.label = std::move(labels);
    metric.gauge.value = value;  // the serializer reads the one of the family's type
    metric.counter.value = value;
  }

  void add(const std::string& name, const std::string& help, const Histogram& histogram) {
    auto& told = family(name, MetricType::Histogram, help).metric.emplace_back().histogram;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      told.sample_count += histogram.counts().at(i);
      if (i == Histogram::kBounds.size()) break;  // the serializer adds the one without a bound
      told.bucket.push_back(
          {.cumulative_count = told.sample_count, .upper_bound = Histogram::kBounds.at(i)});
    }
    told.sample_sum = histogram.sum();
  }

  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  MetricFamily& family(const std::string& name, MetricType type, const std::string& help) {
    const auto known = std::find_if(families_.begin(), families_.end(),
                                    [&](const auto& family) { return family.name == name; });
    if (known != families_.end()) return *known;
    auto& made = families_.emplace_back();
    made.name = name;
    made.help = help;
    made.type = type;
    return made;
  }

  std::vector<MetricFamily> families_;
};

/// Of what is not there by choice (relay = none, evpn = kernel) an alert would say that it is down.
bool is_meant(const State& state, const std::string& name) {
  return state.routes_expected || (name != "bgp_session" && name != "relay");
}

void add_stats(const State& state, const Show& show, Families& families) {
  for (const auto& row : show.stats()) {
    const std::string name(row.at("counter").as_string());
    if (!is_meant(state, name)) continue;
    const auto* value = row.as_object().if_contains("value");
    if (value == nullptr || !value->is_number()) continue;
    const auto help = fmt::format("{} of vtepctl show stats", name.substr(0, name.find('.')));
    const auto number = value->to_number<double>();
    if (const auto dot = name.find('.'); dot != std::string::npos) {
      families.add(fmt::format("vtepd_{}_by_operation_total", name.substr(0, dot)),
                   MetricType::Counter, help, number, {{"operation", name.substr(dot + 1)}});
    } else if (std::find(kGauges.begin(), kGauges.end(), name) != kGauges.end()) {
      families.add("vtepd_" + name, MetricType::Gauge, help, number);
    } else {
      families.add(fmt::format("vtepd_{}_total", name), MetricType::Counter, help, number);
    }
  }
}

/// One series for each object and direction; what the ASIC does not count has none.
void add_counters(const json::array& rows, Families& families) {
  for (const auto& value : rows) {
    const auto& row = value.as_object();
    const auto label = [&](const char* name) { return std::string(row.at(name).as_string()); };
    for (const auto& [name, number] : row) {
      if (!number.is_number()) continue;
      families.add(fmt::format("vtepd_asic_{}_total", std::string_view(name)), MetricType::Counter,
                   "Of the ASIC's ports and tunnels, as vtepctl show counters",
                   number.to_number<double>(),
                   {{"object", label("key")}, {"direction", label("dir")}});
    }
  }
}

void add_rows(const State& state, Families& families) {
  const auto add = [&](const char* layer, const char* table, std::size_t rows) {
    families.add("vtepd_rows", MetricType::Gauge, "Rows of a table, as vtepd knows it",
                 static_cast<double>(rows), {{"layer", layer}, {"table", table}});
  };
  add("files", "links", state.topology->links.size());
  add("bgp", "remote_macs", state.rib.macs());
  add("bgp", "told_macs", state.told_macs.size());
  add("bgp", "told_vnis", state.told_vnis.size());
  add("kernel", "links", state.view.links().size());
  add("kernel", "bridge_fdb", state.view.bridge_fdb().size());
  add("kernel", "vxlan_fdb", state.view.vxlan_fdb().size());
  add("kernel", "flood", state.view.flood().size());
  add("kernel", "neighbors", state.view.neighbors().size());
}

/// "ENOSPC" of "ENOSPC: No space left on device"; "other" of what begins with no such name.
std::string cause_of(std::string_view reason) {
  const auto name = reason.substr(0, reason.find_first_of(": "));
  const bool is_name = name.size() > 1 && std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                       });
  return is_name ? std::string(name) : "other";
}

void add_failures(const Core& core, const AsicQueries& asic, Families& families) {
  std::map<std::pair<std::string, std::string>, double> counts{{{"kernel", "other"}, 0}};
  core.kernel().for_each_failure([&](const KernelKey&, const Failure& failure) {
    ++counts[{"kernel", cause_of(failure.reason)}];
  });
  if (asic.present()) {
    asic.each_reason([&](const std::string& reason) { ++counts[{"asic", cause_of(reason)}]; });
  }
  for (const auto& [key, count] : counts) {
    families.add("vtepd_failures", MetricType::Gauge,
                 "Rows that were refused and are tried again, by cause", count,
                 {{"layer", key.first}, {"cause", key.second}});
  }
}

}  // namespace

void Histogram::observe(Duration duration) {
  const auto seconds = std::chrono::duration<double>(duration).count();
  const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++counts_.at(static_cast<std::size_t>(bound - kBounds.begin()));
  sum_ += seconds;
}

/// Whether a MAC was elsewhere until this: it left one of our ports for a tunnel, or came to one.
bool Metrics::is_move(const Entry& entry) const {
  if (const auto* told = std::get_if<AddLocalMacIp>(&entry.what)) {
    return told->sequence != 0 && told->key.ip.is_none();
  }
  const auto* write = std::get_if<SetBridgeFdb>(&entry.what);
  if (write == nullptr) return false;
  const auto& view = core_.state().view;
  const auto is_tunnel = [&](IfIndex port) {
    const auto* link = view.link(port);
    return link != nullptr && link->kind == LinkKind::Vxlan;
  };
  const auto* before = view.bridge_fdb(write->key);  // what was written is heard of later
  return before != nullptr && is_tunnel(write->entry.port) && !is_tunnel(before->port);
}

void Metrics::recorded() {
  const auto& journal = core_.journal();
  const auto& entry = journal.at(journal.next() - 1);
  if (entry.cause == Layer::Vtepd || entry.error != 0) return;
  const auto latency = std::chrono::microseconds(entry.latency_us);
  if (latency > kLongestAnswer) return;
  const auto layer = layer_of(entry.what);
  if (layer == Layer::ToKernel && entry.cause == Layer::Bgp) route_to_kernel_.observe(latency);
  if (layer == Layer::ToAsic && entry.cause == Layer::Kernel) kernel_to_asic_.observe(latency);
  if (is_move(entry)) moves_.observe(latency);
}

void Metrics::collect(std::function<void(std::string text)> done) const {
  const auto& asic = show_.asic_queries();
  if (!asic.counters) return done(text());
  asic.counters(AsicQueries::Counted::PortsAndTunnels,
                [this, done = std::move(done)](const json::array& rows) { done(text(rows)); });
}

std::string Metrics::text(const json::array& counters) const {
  Families families;
  families.add("vtepd_info", MetricType::Gauge, "The version", 1, {{"version", VTEPD_VERSION}});
  add_rows(core_.state(), families);
  add_failures(core_, show_.asic_queries(), families);
  add_stats(core_.state(), show_, families);
  add_counters(counters, families);
  families.add("vtepd_route_to_kernel_seconds", "From a route's arrival to its write to the kernel",
               route_to_kernel_);
  families.add("vtepd_kernel_to_asic_seconds", "From the kernel's news to the write to the ASIC",
               kernel_to_asic_);
  families.add("vtepd_move_seconds",
               "From the news that a MAC has moved to the write, or the word to bgpd", moves_);
  families.add("vtepd_turn_seconds", "How long one turn held the event loop", turns_);
  families.add("vtepd_loop_delay_seconds", "How late the event loop came to a timer", loop_);
  return families.text();
}

}  // namespace vtepd::agent
