#include "agent/ctl/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/program_options.hpp>
#include <filesystem>
#include <fstream>
#include <istream>
#include <sstream>

namespace vtepd::ctl {
namespace json = boost::json;
namespace options = boost::program_options;
using Protocol = boost::asio::local::stream_protocol;

std::string control_socket(const std::string& settings) {
  std::string usual = "/run/vtepd/vtepd.sock";
  options::options_description known;
  known.add_options()("control", options::value<std::string>()->default_value(usual));
  options::variables_map chosen;
  std::ifstream file(settings);
  try {
    options::store(options::parse_config_file(file, known, true), chosen);
  } catch (const options::error&) {
    return usual;  // vtepd itself says what is wrong with them
  }
  return chosen["control"].as<std::string>();
}

Result<> include_file(json::object& request) {
  const std::string path(request.at("file").as_string());
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  // A folder can be opened, and an empty file leaves the stream without a character.
  if (!file.is_open() || file.bad()) return system_error(path);
  if (std::filesystem::is_directory(path)) return system_error(path, EISDIR);
  request["text"] = text.str();
  return {};
}

Result<> listen(const std::string& path, const json::object& request,
                const std::function<bool(const std::string&)>& on_line) {
  boost::asio::io_context io;
  Protocol::socket socket(io);
  boost::system::error_code error;
  socket.connect(Protocol::endpoint(path), error);
  if (error) return Error{error.value(), fmt::format("{}: {}", path, error.message())};
  boost::asio::write(socket, boost::asio::buffer(json::serialize(request) + "\n"), error);
  boost::asio::streambuf buffer;
  while (boost::asio::read_until(socket, buffer, '\n', error) > 0) {
    std::istream stream(&buffer);
    std::string line;
    std::getline(stream, line);
    if (!on_line(line)) return {};
  }
  if (error == boost::asio::error::eof) return {};
  return Error{error.value(), fmt::format("{}: {}", path, error.message())};
}

Result<json::object> ask(const std::string& path, const json::object& request) {
  std::string reply;
  const auto asked = listen(path, request, [&](const std::string& line) {
    reply = line;
    return false;
  });
  if (!asked) return asked.error();
  boost::system::error_code error;
  const auto value = json::parse(reply, error);
  if (error || !value.is_object()) {
    return Error{EBADMSG, fmt::format("{}: no whole answer came", path)};
  }
  return value.get_object();
}

}  // namespace vtepd::ctl
