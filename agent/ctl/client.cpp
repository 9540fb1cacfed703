#include "agent/ctl/client.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/program_options.hpp>
#include <cerrno>
#include <fstream>
#include <istream>

#include "agent/interfaces/load.h"

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

namespace {

Error too_large(const std::string& path) {
  return {EFBIG, fmt::format("{}: with it, the files are larger than {} MB", path,
                             agent::kMostFileBytes / 1'000'000)};
}

/// To its end, which a pipe does not tell beforehand.
Result<std::string> read_all(int fd, const std::string& path) {
  std::array<char, 65536> buffer{};
  std::string text;
  for (;;) {
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > agent::kMostFileBytes) return too_large(path);
  }
}

/// Looked at before it is opened, which of some devices has effects.
Result<std::string> read_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_error(path);
  if (S_ISDIR(status.st_mode)) return system_error(path, EISDIR);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return Error{EINVAL, path + ": neither a regular file nor a pipe"};
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path);
  auto text = read_all(fd, path);
  ::close(fd);
  return text;
}

}  // namespace

Result<> include_file(json::object& request) {
  auto text = read_file(std::string(request.at("file").as_string()));
  if (!text) return text.error();
  request["text"] = *std::move(text);
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
