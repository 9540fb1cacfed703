// The number of the keys that vtepd and vtepctl speak in: vtepctl(8), section JSON, has them all.
// It rises when a key goes, or changes its meaning; new keys leave it as it is. And the answers
// that most commands have in common.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <utility>

namespace vtepd {

inline constexpr int kSchema = 2;

inline boost::json::object error_reply(std::string why) {
  return {{"schema", kSchema}, {"error", std::move(why)}};
}

inline boost::json::object done_reply(boost::json::array messages = {}) {
  return {{"schema", kSchema}, {"ok", true}, {"messages", std::move(messages)}};
}

}  // namespace vtepd
