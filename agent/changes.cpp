#include "agent/changes.h"

#include <malloc.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "agent/check.h"
#include "agent/log.h"
#include "agent/rehearsal.h"
#include "agent/routers.h"
#include "agent/schema.h"
#include "agent/show.h"
#include "agent/wanted.h"
#include "netlink/command_text.h"

namespace vtepd::agent {
namespace json = boost::json;
namespace {

// A kernel that is busy with 2,000 devices takes a while; one that never answers is told as such.
constexpr auto kLongest = std::chrono::seconds(120);
constexpr auto kLongestCommand = std::chrono::seconds(60);

json::array commands_of(const Rehearsal& rehearsal, const DueCommands& due) {
  const auto name_of = [&](IfIndex index) {
    const auto it = rehearsal.names.find(index);
    return it == rehearsal.names.end() ? fmt::format("if{}", index) : it->second;
  };
  json::array commands;
  for (const auto& command : due.before) commands.emplace_back(to_text(command));
  const auto word_of = [&](IfIndex index) { return netlink::shell_word(name_of(index)); };
  for (const auto& op : rehearsal.ops) {
    commands.emplace_back(with_index_expressions(netlink::command_text(op, name_of), word_of));
  }
  for (const auto& command : due.after) commands.emplace_back(to_text(command));
  return commands;
}

/// A link that can become what the topology says only by being deleted.
struct Disruption {
  std::string why{};
  bool foreign{};  // of another kind, and not of our making: no permission covers it
};
using Disruptions = std::map<std::string, Disruption>;

Disruptions disruptions(const State& state, const Topology& topology) {
  Disruptions found;
  for (const auto& [name, wanted] : topology.links) {
    const auto* actual = state.view.link(name);
    if (actual == nullptr) continue;
    const auto why = why_made_anew(state, wanted, *actual);
    if (!why) continue;
    const bool foreign = wanted.kind != actual->kind && !state.ledger.has(ledger_link(name));
    const auto* rest = foreign ? ", and vtepd did not make it: it has to go by hand"
                               : ": the kernel cannot change that on a live device";
    found[name] = {fmt::format("{}: {}: {}{}", wanted.origin, name, *why, rest), foreign};
  }
  return found;
}

/// What of them `disruptive` allows.
std::set<std::string> allowed(const Disruptions& all, bool disruptive) {
  std::set<std::string> names;
  for (const auto& [name, disruption] : all) {
    if (disruptive && !disruption.foreign) names.insert(name);
  }
  return names;
}

/// How a refusal ends: what the way out is.
std::string_view way_out(const Disruptions& all) {
  const bool foreign =
      std::any_of(all.begin(), all.end(), [](const auto& row) { return row.second.foreign; });
  return foreign ? "" : "; with --disruptive these devices are deleted and made anew";
}

/// What the files say of devices that are not there and that vtepd does not make: it is done once
/// they come, which may be soon, or never.
json::array waiting_lines(const State& state, const Topology& topology) {
  std::set<std::string> to_come;  // as the other ends of what is made
  for (const auto& [name, link] : topology.links) {
    if (!link.peer.empty()) to_come.insert(link.peer);
  }
  const auto lacks = [&](const std::string& name) {
    const auto it = topology.links.find(name);
    return it != topology.links.end() && !it->second.ours && state.view.link(name) == nullptr &&
           !to_come.contains(name);
  };
  json::array lines;
  for (const auto& [name, link] : topology.links) {
    if (lacks(name)) {
      lines.emplace_back(fmt::format("{}: warning: {}: no such device; it is set up once it comes",
                                     link.origin, name));
    } else if (lacks(link.lower)) {
      lines.emplace_back(fmt::format("{}: warning: {}: there is no {}; it is made once that comes",
                                     link.origin, name, link.lower));
    }
  }
  return lines;
}

json::array messages_of(const Loaded& loaded) {
  json::array lines;
  for (const auto& diagnostic : loaded.diagnostics)
    lines.emplace_back(fmt::format("{}", diagnostic));
  return lines;
}

void append(json::array& lines, const json::array& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

/// What an answer about files that are not applied begins with.
json::object reply_of(const Loaded& loaded) {
  return {{"schema", kSchema},
          {"ok", loaded.ok()},
          {"messages", messages_of(loaded)},
          {"files", json::array(loaded.files.begin(), loaded.files.end())}};
}

void log_diagnostics(const Loaded& loaded) {
  for (const auto& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity == Severity::Error) {
      log(Level::Error, "event=interfaces_error {}", diagnostic);
    } else {
      log(Level::Warning, "event=interfaces_warning {}", diagnostic);
    }
  }
}

/// Whole or not at all: a reader never finds half a file.
bool write_file(const std::string& path, const std::string& text) {
  const auto fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << text << std::flush;
  return file.good() && std::rename(fresh.c_str(), path.c_str()) == 0;
}

}  // namespace

Changes::Changes(boost::asio::io_context& io, Core& core, Places places, std::function<void()> wake)
    : io_(io),
      core_(core),
      places_(std::move(places)),
      wake_(std::move(wake)),
      limit_(io),
      confirmation_(io),
      runner_(io, kLongestCommand) {}

/// The loop has work as long as the thread has.
void Changes::read(Request request, Then then) {
  reader_.run([this, request = std::move(request), then = std::move(then),
               work = boost::asio::make_work_guard(io_)]() mutable {
    auto loaded = places_.read(file_of(request), places_.rules, request.text);
    malloc_trim(0);  // what it took to read, before the loop takes as much for a model
    boost::asio::post(io_, [this, request = std::move(request), then = std::move(then),
                            loaded = std::move(loaded)]() mutable {
      then(request, with_running(std::move(loaded)));
    });
  });
}

/// With the numbers that the kernel gives, and where nothing changes the very topology that runs.
Loaded Changes::with_running(Loaded loaded) const {
  if (!loaded.ok()) return loaded;
  loaded.topology = with_kernel_numbers(std::move(loaded.topology), core_.state().view);
  const auto& held = core_.state().topology;
  if (*loaded.topology == *held) loaded.topology = held;  // there need be only one
  return loaded;
}

/// None where commands are not run: what ran while they were is left as it is.
DueCommands Changes::due_on_the_way_to(const Topology& wanted,
                                       std::span<const UserCommand> commands,
                                       const std::set<std::string>& anew) const {
  if (places_.rules.commands == CommandLines::Ignored) return {};
  return due_commands(core_.state().ledger, wanted, commands, anew);
}

void Changes::start() {
  const bool unconfirmed = std::filesystem::exists(unconfirmed_path());
  auto loaded = unconfirmed
                    ? load_plain(unconfirmed_path(), places_.rules)
                    : with_running(places_.read(places_.interfaces, places_.rules, std::nullopt));
  log_diagnostics(loaded);
  if (unconfirmed) {
    log(Level::Warning, "event=change_not_confirmed action=rolled_back file={}",
        unconfirmed_path());
  }
  if (!loaded.ok()) {
    log(Level::Error, "event=interfaces_refused file={} running_state=kept", places_.interfaces);
    return;
  }
  log(Level::Info, "event=interfaces_loaded file={} devices={}", places_.interfaces,
      loaded.topology->links.size());
  text_ = text_of(loaded.stanzas);
  commands_ = std::move(loaded.commands);
  Running change{.why = Why::Start, .due = due_on_the_way_to(loaded.topology, commands_, {})};
  change.wanted = std::move(loaded.topology);
  launch(std::move(change));
}

void Changes::apply(Request request, Reply reply) {
  waiting_.emplace_back([this, request = std::move(request), reply = std::move(reply)]() mutable {
    begin(std::move(request), std::move(reply));
  });
  begin_next();
}

void Changes::begin_next() {
  while (idle() && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
  }
}

void Changes::begin(Request request, Reply reply) {
  if (unconfirmed_) {
    const auto* why = "a change waits for its confirmation: vtepctl confirm, or rollback";
    log(Level::Warning, "event=interfaces_refused file={} running_state=kept reason=\"{}\"",
        file_of(request), why);
    return reply(error_reply(why));
  }
  reading_ = true;
  read(std::move(request),
       [this, reply = std::move(reply)](const Request& asked, Loaded loaded) mutable {
         reading_ = false;
         prepare(asked, std::move(loaded), std::move(reply));
         begin_next();  // where this one was refused
         wake_();
       });
}

void Changes::prepare(const Request& request, Loaded loaded, Reply reply) {
  const auto& file = file_of(request);
  log_diagnostics(loaded);
  json::object told{{"schema", kSchema}, {"messages", messages_of(loaded)}};
  const auto refuse = [&](const std::string& why) {
    log(Level::Error, "event=interfaces_refused file={} running_state=kept", file);
    told["ok"] = false;
    told["messages"].as_array().emplace_back(why);
    reply(told);
  };
  if (!loaded.ok()) return refuse(fmt::format("{}: refused; the running state stays", file));
  append(told["messages"].as_array(), waiting_lines(core_.state(), loaded.topology));
  const auto disruptive = disruptions(core_.state(), loaded.topology);
  const auto recreate = allowed(disruptive, request.disruptive);
  if (recreate.size() != disruptive.size()) {
    for (const auto& [name, d] : disruptive) told["messages"].as_array().emplace_back(d.why);
    return refuse(fmt::format("{}: refused; the running state stays{}", file, way_out(disruptive)));
  }
  if (request.confirm.count() != 0 && core_.state().files != FileState::Read) {
    return refuse(
        fmt::format("{}: refused; the running state stays: no interface files are in effect that "
                    "could be gone back to; apply it without --confirm",
                    file));
  }
  if (request.confirm.count() != 0 && !write_file(unconfirmed_path(), text_)) {
    return refuse(fmt::format("{}: {}; without it nothing could be taken back", unconfirmed_path(),
                              std::error_code(errno, std::system_category()).message()));
  }
  auto text = text_of(std::exchange(loaded.stanzas, {}));  // a tenth of the memory
  auto due = due_on_the_way_to(loaded.topology, loaded.commands, recreate);
  told["commands"] = commands_of(rehearse(core_.state(), loaded.topology, recreate), due);
  log(Level::Info, "event=interfaces_loaded file={} devices={}", file,
      loaded.topology->links.size());
  launch({.reply = std::move(reply),
          .told = std::move(told),
          .writes_before = core_.kernel().counters().writes,
          .confirm = request.confirm,
          .before = core_.state().topology,
          .wanted = std::move(loaded.topology),
          .recreate = recreate,
          .text = std::move(text),
          .commands = std::move(loaded.commands),
          .due = std::move(due)});
}

void Changes::launch(Running change) {
  running_ = std::move(change);
  runner_.run(std::move(running_->due.before), [this](const std::vector<std::string>& lines) {
    tell(lines);
    write();
  });
}

void Changes::write() {
  running_->stage = Stage::Writing;
  if (running_->why == Why::Start) {
    core_.set_topology(std::move(running_->wanted));
  } else {
    core_.change_topology(std::move(running_->wanted), running_->recreate);
  }
  limit_.expires_after(kLongest);
  limit_.async_wait([this](const boost::system::error_code& error) {
    if (!error && running_ && running_->stage == Stage::Writing) written();
  });
  wake_();
}

void Changes::turned() {
  if (running_ && running_->stage == Stage::Writing && core_.files_settled()) written();
}

void Changes::written() {
  limit_.cancel();
  running_->stage = Stage::After;
  runner_.run(std::move(running_->due.after), [this](const std::vector<std::string>& lines) {
    tell(lines);
    finish();
  });
}

void Changes::tell(const std::vector<std::string>& lines) {
  if (running_->why != Why::Asked) return;
  for (const auto& line : lines) running_->told["messages"].as_array().emplace_back(line);
}

void Changes::finish() {
  auto done = std::move(*running_);
  running_.reset();
  for (const auto& [device, row] : done.due.rows) core_.note_commands(device, row);
  if (done.why == Why::Asked) finish_asked(std::move(done));
  malloc_trim(0);  // two plans and a model of the kernel are a fifth of all memory
  begin_next();
  wake_();
}

void Changes::finish_asked(Running done) {
  auto refused = refusals(core_, Rows::OfFiles);
  const bool settled = core_.files_settled();
  if (!settled) {
    refused.push_back({{"row", "interface files"},
                       {"reason", fmt::format("not in sync within {} s", kLongest.count())}});
  }
  done.told["ok"] = refused.empty();
  done.told["refused"] = refused;
  done.told["writes"] = core_.kernel().counters().writes - done.writes_before;
  log(refused.empty() ? Level::Info : Level::Warning, "event=change_applied writes={} refused={}{}",
      core_.kernel().counters().writes - done.writes_before, refused.size(),
      done.confirm.count() == 0 ? "" : fmt::format(" confirm_within={}", done.confirm.count()));
  if (done.confirm.count() != 0) {
    done.told["confirm_within_us"] = std::chrono::microseconds(done.confirm).count();
    await_confirmation(done);
  } else {
    // An explicit change makes an older "go back" pointless.
    std::filesystem::remove(unconfirmed_path());
    text_ = std::move(done.text);
    commands_ = std::move(done.commands);
  }
  done.reply(std::move(done.told));
}

void Changes::await_confirmation(const Running& change) {
  unconfirmed_ = {.before = change.before, .text = change.text, .commands = change.commands};
  confirmation_.expires_after(change.confirm);
  confirmation_.async_wait([this](const boost::system::error_code& error) {
    if (!error && unconfirmed_) take_back("not confirmed in time");
  });
}

void Changes::confirm(const Reply& reply) {
  if (!unconfirmed_) return reply(error_reply("no change waits for a confirmation"));
  confirmation_.cancel();
  text_ = std::move(unconfirmed_->text);
  commands_ = std::move(unconfirmed_->commands);
  unconfirmed_.reset();
  std::filesystem::remove(unconfirmed_path());
  log(Level::Info, "event=change_confirmed");
  reply(done_reply({"confirmed"}));
}

void Changes::roll_back(const Reply& reply) {
  if (!unconfirmed_) return reply(error_reply("no change waits for a confirmation"));
  confirmation_.cancel();
  take_back("asked for");
  reply(done_reply({"rolled back"}));
}

/// The file that says what runs stays: vtepd would start with it until the next change is applied.
void Changes::take_back(std::string_view why) {
  log(Level::Warning, "event=change_rolled_back reason=\"{}\"", why);
  auto recreate = allowed(disruptions(core_.state(), unconfirmed_->before), true);  // as on the way
  Running change{.why = Why::Return,
                 .due = due_on_the_way_to(unconfirmed_->before, commands_, recreate)};
  change.wanted = std::move(unconfirmed_->before);
  change.recreate = std::move(recreate);
  unconfirmed_.reset();
  launch(std::move(change));
}

void Changes::difference(Request request, Reply reply) {
  answer(std::move(request), std::move(reply), &Changes::differences);
}

void Changes::check(Request request, Reply reply) {
  answer(std::move(request), std::move(reply), &Changes::checks);
}

void Changes::answer(Request request, Reply reply, Answer of) {
  read(std::move(request),
       [this, reply = std::move(reply), of](const Request& asked, const Loaded& loaded) {
         reply((this->*of)(asked, loaded));
         malloc_trim(0);  // the model
       });
}

json::object Changes::differences(const Request& request, const Loaded& loaded) const {
  auto reply = reply_of(loaded);
  if (!loaded.ok()) return reply;
  append(reply["messages"].as_array(), waiting_lines(core_.state(), loaded.topology));
  const auto disruptive = disruptions(core_.state(), loaded.topology);
  const auto recreate = allowed(disruptive, request.disruptive);
  for (const auto& [name, d] : disruptive) {
    reply["messages"].as_array().emplace_back(d.why +
                                              (recreate.contains(name) ? "" : "; left out"));
  }
  if (recreate.size() != disruptive.size()) {
    reply["ok"] = false;
    reply["messages"].as_array().emplace_back(
        fmt::format("{}: apply refuses it{}", file_of(request), way_out(disruptive)));
  }
  reply["commands"] = commands_of(rehearse(core_.state(), loaded.topology, recreate),
                                  due_on_the_way_to(loaded.topology, loaded.commands, recreate));
  return reply;
}

json::object Changes::checks(const Request& /*request*/, const Loaded& loaded) const {
  auto reply = reply_of(loaded);
  if (!loaded.ok()) return reply;
  auto checked = check_files(core_.state(), loaded);
  reply["ok"] = checked.rows.empty();
  reply["interfaces"] = std::move(checked.interfaces);
  reply["rows"] = std::move(checked.rows);
  return reply;
}

}  // namespace vtepd::agent
