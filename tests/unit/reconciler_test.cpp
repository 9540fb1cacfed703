#include "vtepd/reconciler.h"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <map>

namespace reconciler_test {

using namespace vtepd;
using namespace std::chrono_literals;

namespace {

struct SetTo {
  int key{};
  int value{};
  friend bool operator==(const SetTo&, const SetTo&) = default;
};
int rank(const SetTo& op) { return -op.value; }
std::size_t cost(const SetTo& op) { return op.value >= 1000 ? 16 : 1; }

/// A table of numbers and what is wanted of it.
struct Table {
  std::map<int, int> wanted{};
  std::map<int, int> actual{};
  Reconciler<int, SetTo> engine{{.first = 100ms, .longest = 1s}};
  TimePoint now{};
  std::vector<SetTo> written{};

  Reconciler<int, SetTo>::Batch take() {
    return engine.take(now, {.keys = 100, .ops = 100}, [this](int key, const auto& emit) {
      if (wanted[key] != actual[key]) emit(SetTo{key, wanted[key]});
    });
  }

  /// One turn against a writer that `answer`s each operation.
  template <class Answer>
  void turn(Answer answer) {
    const auto batch = take();
    std::vector<Result<>> results;
    for (const auto& op : batch.ops) {
      written.push_back(op);
      results.push_back(answer(op));
    }
    engine.settle(batch, results, now);
  }
};

}  // namespace

TEST_CASE("a key that is as wanted is not written", "[reconciler]") {
  Table table;
  table.wanted[1] = table.actual[1] = 7;
  table.engine.mark(1);
  table.turn([](const SetTo&) { return Result<>{}; });
  CHECK(table.written.empty());
  CHECK(table.engine.idle());
}

TEST_CASE("what is marked first is planned before the rest, alone and once", "[reconciler]") {
  Table table;
  for (int key = 1; key <= 4; ++key) {
    table.wanted[key] = 1;
    table.engine.mark(key);
  }
  table.engine.mark_first(3);
  table.engine.mark_first(3);
  CHECK(table.engine.is_hurried());
  CHECK(table.take().keys == std::vector<int>{3});
  CHECK_FALSE(table.engine.is_hurried());
  CHECK(table.engine.dirty() == 3);
  CHECK(table.take().keys == std::vector<int>{1, 2, 4});
  CHECK(table.engine.idle());
}

TEST_CASE("a key marked many times is planned once", "[reconciler]") {
  Table table;
  for (int i = 0; i < 50; ++i) table.engine.mark(3);
  (void)table.take();
  CHECK(table.engine.counters().planned == 1);
}

TEST_CASE("a turn's budget is spent by what operations cost", "[reconciler]") {
  Reconciler<int, SetTo> engine;
  const auto taken = [&](int value) {
    for (int key = 0; key < 100; ++key) engine.mark(key);
    return engine
        .take({}, {.keys = 100, .ops = 64},
              [&](int key, const auto& emit) {
                emit(SetTo{key, value});
              })
        .ops.size();
  };
  CHECK(taken(1) == 64);
  CHECK(taken(1000) == 4);
}

TEST_CASE("operations come in rank order, whatever order the keys were marked in", "[reconciler]") {
  Table table;
  table.wanted = {{1, 10}, {2, 30}, {3, 20}};
  for (const int key : {1, 2, 3}) table.engine.mark(key);
  const auto batch = table.take();
  REQUIRE(batch.ops.size() == 3);
  CHECK(batch.ops[0].value == 30);
  CHECK(batch.ops[1].value == 20);
  CHECK(batch.ops[2].value == 10);
}

TEST_CASE("a refused write is kept with its reason and retried with growing waits",
          "[reconciler]") {
  Table table;
  table.wanted[1] = 5;
  table.engine.mark(1);
  const auto refuse = [](const SetTo&) { return Result<>(Error{28, "ENOSPC"}); };
  table.turn(refuse);
  REQUIRE(table.engine.failure(1) != nullptr);
  CHECK(table.engine.failure(1)->reason == "ENOSPC");
  REQUIRE(table.engine.next_retry() == table.now + 100ms);

  table.now += 99ms;
  table.turn(refuse);
  CHECK(table.written.size() == 1);
  table.now += 1ms;
  table.turn(refuse);
  CHECK(table.written.size() == 2);
  CHECK(table.engine.next_retry() == table.now + 200ms);
  CHECK(table.engine.failure(1)->attempts == 2);
}

TEST_CASE("of a key's refusals in one batch the first is the reason", "[reconciler]") {
  Reconciler<int, SetTo> engine;
  engine.mark(1);
  const auto batch = engine.take({}, {.keys = 1, .ops = 10}, [](int key, const auto& emit) {
    emit(SetTo{key, 2});
    emit(SetTo{key, 1});
  });
  const std::vector<Result<>> results{Error{12, "ENOMEM"}, Error{22, "EINVAL"}};
  engine.settle(batch, results, {});
  REQUIRE(engine.failure(1) != nullptr);
  CHECK(engine.failure(1)->reason == "ENOMEM");
  CHECK(engine.failure(1)->attempts == 1);
  CHECK(engine.counters().refused == 2);
}

TEST_CASE("an event does not repeat a refused write early, but a different write goes at once",
          "[reconciler]") {
  Table table;
  table.wanted[1] = 5;
  table.engine.mark(1);
  table.turn([](const SetTo&) { return Result<>(Error{16, "EBUSY"}); });
  table.engine.mark(1);
  table.turn([](const SetTo&) { return Result<>{}; });
  CHECK(table.written.size() == 1);
  table.wanted[1] = 6;
  table.engine.mark(1);
  table.turn([&](const SetTo& op) {
    table.actual[op.key] = op.value;
    return Result<>{};
  });
  CHECK(table.written.size() == 2);
  CHECK(table.written.back() == SetTo{1, 6});
}

TEST_CASE("a failure is forgotten when the key is as wanted", "[reconciler]") {
  Table table;
  table.wanted[1] = 5;
  table.engine.mark(1);
  table.turn([](const SetTo&) { return Result<>(Error{16, "EBUSY"}); });
  table.actual[1] = 5;
  table.engine.mark(1);
  table.turn([](const SetTo&) { return Result<>{}; });
  CHECK(table.engine.failure(1) == nullptr);
  CHECK_FALSE(table.engine.next_retry());
}

TEST_CASE("an accepted write that changes nothing is a failure, not an endless loop",
          "[reconciler]") {
  Table table;
  table.wanted[1] = 5;
  table.engine.mark(1);
  for (int i = 0; i < 10; ++i) table.turn([](const SetTo&) { return Result<>{}; });
  CHECK(table.written.size() == 1);
  REQUIRE(table.engine.failure(1) != nullptr);
  CHECK(table.engine.failure(1)->reason == "accepted, but it is not there");
  CHECK(table.engine.counters().unheeded == 1);
  table.now += 100ms;
  table.turn([](const SetTo&) { return Result<>{}; });
  CHECK(table.written.size() == 2);
}

TEST_CASE("the budget bounds a turn and the rest stays dirty", "[reconciler]") {
  Reconciler<int, SetTo> engine;
  for (int key = 0; key < 10; ++key) engine.mark(key);
  const auto set = [](int key, const auto& emit) { emit(SetTo{key, 1}); };
  const auto first = engine.take({}, {.keys = 4, .ops = 100}, set);
  CHECK(first.ops.size() == 4);
  CHECK(engine.dirty() == 6);
  const auto second = engine.take({}, {.keys = 100, .ops = 5}, set);
  CHECK(second.ops.size() == 5);
  CHECK(engine.dirty() == 1);
}

TEST_CASE("a key is compared again after its write, unless the table told that it is as asked",
          "[reconciler]") {
  Table table;
  const auto write = [&](const SetTo& op) {
    table.actual[op.key] = op.value;
    return Result<>{};
  };
  const auto is_effect = [&](const SetTo& op) { return op.value == table.actual[op.key]; };
  const auto planned = [&] { return table.engine.counters().planned; };
  table.wanted[1] = 5;
  table.engine.mark(1);
  table.turn(write);
  CHECK(planned() == 1);
  CHECK(table.engine.is_dirty(1));

  SECTION("nobody told") {
    table.turn(write);
    CHECK(planned() == 2);
  }
  SECTION("told") {
    table.engine.confirm(1, is_effect);
    table.turn(write);
    CHECK(planned() == 1);
    CHECK(table.engine.counters().confirmed == 1);
  }
  SECTION("told, and something else is wanted meanwhile") {
    table.engine.confirm(1, is_effect);
    table.wanted[1] = 6;
    table.engine.mark(1);
    table.turn(write);
    CHECK(table.written.back() == SetTo{1, 6});
  }
  SECTION("told, and then told that it is otherwise: that is no reason to write at once") {
    table.engine.confirm(1, is_effect);
    table.actual[1] = 4;
    table.engine.confirm(1, is_effect);
    table.turn(write);
    CHECK(table.written.size() == 1);
    CHECK(table.engine.counters().unheeded == 1);
  }
  SECTION("told something else than what was asked") {
    table.actual[1] = 4;
    table.engine.confirm(1, is_effect);
    table.turn(write);
    CHECK(planned() == 2);
  }
  table.turn(write);
  CHECK((table.engine.idle() || table.engine.failure(1) != nullptr));
}

TEST_CASE("what the table says at once to be as asked is not compared again", "[reconciler]") {
  Table table;
  const auto settle = [&](const Reconciler<int, SetTo>::Batch& batch) {
    const std::vector<Result<>> results(batch.ops.size());
    table.engine.settle(batch, results, table.now, [&](std::size_t i) {
      return batch.ops[i].value == table.actual[batch.ops[i].key];
    });
  };
  table.wanted = {{1, 5}, {2, 5}, {3, 5}};
  for (const int key : {1, 2, 3}) table.engine.mark(key);
  const auto batch = table.take();
  REQUIRE(batch.ops.size() == 3);
  table.actual = {{1, 5}, {2, 5}, {3, 4}};
  table.engine.mark(2);  // somebody told of it meanwhile
  settle(batch);
  CHECK(table.engine.counters().confirmed == 1);
  CHECK_FALSE(table.engine.is_dirty(1));
  CHECK(table.engine.is_dirty(2));
  CHECK(table.engine.is_dirty(3));
  settle(table.take());
  CHECK(table.engine.counters().planned == 5);
  CHECK(table.engine.counters().unheeded == 1);  // the third
  CHECK(table.engine.idle());
}

/// In bytes; 0 where the allocator is a sanitizer's.
std::size_t in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_CASE("a flood of keys leaves no memory behind", "[reconciler]") {
  Reconciler<int, SetTo> engine;
  const auto before = in_use();
  constexpr int kFlood = 100'000;
  constexpr std::size_t kAll = 200'000;
  std::size_t most = 0;
  for (int round = 0; round < 2; ++round) {
    for (int key = 0; key < kFlood; ++key) engine.mark(key);
    const auto batch = engine.take({}, {.keys = kAll, .ops = kAll}, [&](int key, const auto& emit) {
      if (round == 0) emit(SetTo{key, 1});
    });
    engine.settle(batch, std::vector<Result<>>(batch.ops.size()), {});
    most = std::max(most, in_use());
  }
  CHECK(engine.idle());
  if (before == 0) return;
  CHECK(most > before + 10'000'000);
  CHECK(in_use() < before + 1'000'000);  // of this the list of a single batch, which stays
}

}  // namespace reconciler_test
