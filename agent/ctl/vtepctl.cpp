// vtepctl: shows what vtepd knows, layer beside layer, and asks it to reload.
//
// Exit status: 0 done; 1 refused or not as wanted; 2 the call's words are wrong; 3 vtepd does not
// answer.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cctype>
#include <iostream>
#include <string>
#include <vector>

#include "vtepd/result.h"

namespace {

namespace json = boost::json;
namespace options = boost::program_options;
using Protocol = boost::asio::local::stream_protocol;

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;

constexpr auto kHelp = R"(vtepctl [--socket PATH] COMMAND

  show vni       the VNIs: VLAN, devices, tunnel end, what bgpd was told
  show mac       one row for each MAC: wanted, BGP, bridge FDB, vxlan FDB, ASIC
  show flood     the flood lists: the remote VTEPs of each VNI
  show neigh     hosts' addresses on the SVIs
  show duplicates  addresses that move: how often, and which are frozen
  show port      devices of the interface files and bridge ports
  show asic      the ASIC's objects
  show stats     counters, writes to the kernel among them
  show failures  what was refused, why, and when it is tried again
  reload         read the interface files again
  clear duplicates [VNI MAC|IP]   let frozen addresses go, and count their moves anew

  -j, --json     rows as JSON
)";

/// One request, one reply; an error where vtepd cannot be reached.
vtepd::Result<json::object> ask(const std::string& path, const json::object& request) {
  boost::asio::io_context io;
  Protocol::socket socket(io);
  boost::system::error_code error;
  socket.connect(Protocol::endpoint(path), error);
  if (error) return vtepd::Error{error.value(), fmt::format("{}: {}", path, error.message())};
  boost::asio::write(socket, boost::asio::buffer(json::serialize(request) + "\n"), error);
  std::string reply;
  boost::asio::read(socket, boost::asio::dynamic_buffer(reply), error);
  const auto value = json::parse(reply, error);
  if (error || !value.is_object()) {
    return vtepd::Error{error.value(), fmt::format("{}: no whole answer came", path)};
  }
  return value.get_object();
}

std::string cell(const json::object& row, const std::string& key) {
  const auto* value = row.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  if (const auto* text = value->if_string()) return {text->data(), text->size()};
  if (const auto* flag = value->if_bool()) return *flag ? "yes" : "no";
  if (const auto* number = value->if_double()) return fmt::format("{:.1f}", *number);
  return json::serialize(*value);
}

void print_table(const json::array& rows) {
  std::vector<std::string> keys;
  for (const auto& row : rows) {
    for (const auto& [key, value] : row.as_object()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
    }
  }
  std::vector<std::vector<std::string>> lines(1);
  for (auto key : keys) {
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
      return static_cast<char>(c == '_' ? '-' : std::toupper(static_cast<unsigned char>(c)));
    });
    lines[0].push_back(key);
  }
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& key : keys) line.push_back(cell(row.as_object(), key));
  }
  std::vector<std::size_t> widths(keys.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i)
      text += fmt::format("{:<{}}  ", line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

int print_reply(const json::object& reply, bool as_json) {
  if (const auto* error = reply.if_contains("error")) {
    fmt::print(stderr, "vtepctl: {}\n", error->as_string().c_str());
    return kRefused;
  }
  if (const auto* rows = reply.if_contains("rows")) {
    if (as_json) {
      fmt::print("{}\n", json::serialize(*rows));
    } else {
      print_table(rows->as_array());
    }
    return kDone;
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(reply));
  } else {
    for (const auto& line : reply.at("messages").as_array()) {
      fmt::print("{}\n", line.as_string().c_str());
    }
  }
  return reply.at("ok").as_bool() ? kDone : kRefused;
}

int run(int argc, char** argv) {
  options::options_description visible;
  visible.add_options()("help,h", "")("version", "")("json,j", "")(
      "socket", options::value<std::string>()->default_value("/run/vtepd/vtepd.sock"))(
      "words", options::value<std::vector<std::string>>());
  options::positional_options_description positional;
  positional.add("words", -1);
  options::variables_map chosen;
  options::store(
      options::command_line_parser(argc, argv).options(visible).positional(positional).run(),
      chosen);
  if (chosen.contains("help")) {
    fmt::print("{}", kHelp);
    return kDone;
  }
  if (chosen.contains("version")) {
    fmt::print("vtepctl {}\n", VTEPD_VERSION);
    return kDone;
  }
  const auto words = chosen.contains("words") ? chosen["words"].as<std::vector<std::string>>()
                                              : std::vector<std::string>{};
  json::object request;
  if (words.size() == 2 && words[0] == "show") {
    request = {{"command", "show"}, {"table", words[1]}};
  } else if ((words.size() == 2 || words.size() == 4) && words[0] == "clear" &&
             words[1] == "duplicates") {
    request = {{"command", "clear"}, {"table", words[1]}};
    if (words.size() == 4) request.insert({{"vni", words[2]}, {"address", words[3]}});
  } else if (words == std::vector<std::string>{"reload"}) {
    request = {{"command", "reload"}};
  } else {
    fmt::print(stderr, "{}", kHelp);
    return kUsage;
  }
  const auto reply = ask(chosen["socket"].as<std::string>(), request);
  if (!reply) {
    fmt::print(stderr, "vtepctl: {}\n", reply.error().what);
    return kUnreachable;
  }
  return print_reply(*reply, chosen.contains("json"));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const options::error& error) {
    fmt::print(stderr, "vtepctl: {}\n", error.what());
    return kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "vtepctl: vtepd's answer is not understood: {}\n", error.what());
    return kUnreachable;
  }
}
