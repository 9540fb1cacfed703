// A value that is a pointer until it is changed, and behaves as the value.
#include "vtepd/rare.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rare_test {

using namespace vtepd;

namespace {

struct Extra {
  std::string text = "plain";
  std::vector<int> numbers{};
  friend bool operator==(const Extra&, const Extra&) = default;
};

}  // namespace

TEST_CASE("a rare value that nobody changed is the default, in a pointer's room") {
  const Rare<Extra> none;
  CHECK(none->text == "plain");
  CHECK((*none).numbers.empty());
  CHECK(sizeof none == sizeof(void*));
}

TEST_CASE("rare values are equal by what they hold") {
  Rare<Extra> made;
  made.make();
  CHECK(made == Rare<Extra>{});
  made.make().numbers.push_back(1);
  CHECK_FALSE(made == Rare<Extra>{});
  made.make().numbers.clear();
  CHECK(made == Rare<Extra>{});
}

TEST_CASE("a copy of a rare value goes its own way") {
  Rare<Extra> first;
  first.make().text = "first";
  auto second = first;
  second.make().text = "second";
  CHECK(first->text == "first");
  CHECK(second->text == "second");
  first = second;
  second.make().numbers = {1, 2};
  CHECK(first->text == "second");
  CHECK(first->numbers.empty());
  const auto moved = std::move(second);
  CHECK(moved->numbers.size() == 2);
  first = Rare<Extra>{};
  CHECK(first->text == "plain");
}

}  // namespace rare_test
