// Payloads and filters of every shape, for tests that compare two ways to evaluate a filter.
#ifndef VECNEST_TESTS_ENGINE_RANDOM_PAYLOADS_H_
#define VECNEST_TESTS_ENGINE_RANDOM_PAYLOADS_H_

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/json.h"
#include "vecnest/collection.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

class RandomPayloads {
 public:
  explicit RandomPayloads(uint32_t seed) : random_(seed) {}

  static const std::vector<std::string>& Fields() {
    static const auto& fields = *new std::vector<std::string>{
        "a", "a[]", "b.c", "b[].c", "b.c[]", "d", "d[0]", "missing", "\"b\".c"};
    return fields;
  }

  size_t Below(size_t count) { return random_() % count; }

  Json Scalar() {
    switch (Below(11)) {
      case 0:
        return nullptr;
      case 1:
        return Below(2) == 0;
      case 2:
        return static_cast<int64_t>(Below(6)) - 3;
      case 3:
        return static_cast<double>(Below(12)) / 2 - 3;
      case 4:
        return uint64_t{18446744073709551615U} - Below(2);
      case 5:
        return "2024-0" + std::to_string(1 + Below(3)) + "-01T00:00:00Z";
      case 6:
        return std::string(Below(40) == 0 ? 700 : 70, 'w') + " " + Word();
      case 7:
        return {{"lon", Degrees(180)}, {"lat", Degrees(90)}};
      case 8:
        return {{"lon", 2 * Degrees(180)}, {"lat", Below(9) == 0 ? Json("north") : Json(1)}};
      default:
        return Word();
    }
  }

  Json Value(int depth) {
    if (depth > 0 && Below(3) == 0) {
      Json list = Json::array();
      for (size_t i = Below(4); i > 0; --i) list.push_back(Value(depth - 1));
      return list;
    }
    if (depth > 0 && Below(5) == 0) return {{"c", Value(depth - 1)}};
    return Scalar();
  }

  Json Payload() {
    Json payload = Json::object();
    if (Below(5) > 0) payload["a"] = Value(2);
    if (Below(5) > 0) payload["d"] = Value(1);
    switch (Below(4)) {
      case 0:
        payload["b"] = {{"c", Value(2)}};
        break;
      case 1:
        payload["b"] = Json::array();
        for (size_t i = Below(4); i > 0; --i) payload["b"].push_back({{"c", Value(1)}});
        break;
      case 2:
        payload["b"] = Value(2);
        break;
      default:
        break;
    }
    return payload;
  }

  MatchValue Wanted() {
    switch (Below(4)) {
      case 0:
        return Below(2) == 0;
      case 1:
        return static_cast<int64_t>(Below(6)) - 3;
      case 2:
        return "2024-0" + std::to_string(1 + Below(3)) + "-01T00:00:00Z";
      default:
        return Word();
    }
  }

  std::vector<MatchValue> WantedOnes() {
    std::vector<MatchValue> values;
    for (size_t i = Below(4); i > 0; --i) values.push_back(Wanted());
    return values;
  }

  template <typename Bounds, typename Value>
  Bounds Between(Value value) {
    Bounds bounds;
    if (Below(2) == 0) bounds.gt = value();
    if (Below(3) == 0) bounds.gte = value();
    if (Below(2) == 0) bounds.lt = value();
    if (Below(3) == 0) bounds.lte = value();
    return bounds;
  }

  FieldCondition Field() {
    FieldCondition condition{Fields()[Below(Fields().size())], IsEmptyCondition{}};
    switch (Below(11)) {
      case 0:
        condition.test = MatchCondition{Wanted()};
        break;
      case 1:
        condition.test = MatchAnyCondition{WantedOnes()};
        break;
      case 2:
        condition.test = MatchExceptCondition{WantedOnes()};
        break;
      case 3:
        condition.test = MatchTextCondition{TextPart()};
        break;
      case 4:
        condition.test =
            Between<RangeCondition>([&] { return static_cast<double>(Below(14)) / 2 - 3; });
        break;
      case 5:
        condition.test = Between<DatetimeRangeCondition>([&] {
          return int64_t{1704067200'000000} + static_cast<int64_t>(Below(100)) * 86400'000000;
        });
        break;
      case 6:
        condition.test =
            Between<ValuesCountCondition>([&] { return static_cast<int64_t>(Below(4)); });
        break;
      case 7:
        condition.test = IsNullCondition{};
        break;
      case 8:
      case 9:
        condition.test = GeoCondition{Area()};
        break;
      default:
        break;
    }
    return condition;
  }

  // Any degrees, or of a coarse grid and a tenth of a millimetre beside it, so that places lie on
  // borders and in the cells of an index that borders run through.
  double Degrees(int limit) {
    if (Below(3) == 0) return std::uniform_real_distribution<>(-limit, limit)(random_);
    const double shift = 1e-9 * (static_cast<double>(Below(3)) - 1);
    const int tens = static_cast<int>(Below(19)) - 9;
    return std::clamp<double>(tens * limit / 9.0 + shift, -limit, limit);
  }

  GeoPoint Place() { return {Degrees(180), Degrees(90)}; }

  GeoPolygon::Ring Ring() {
    GeoPolygon::Ring ring;
    for (size_t i = 3 + Below(4); i > 0; --i) ring.points.push_back(Place());
    ring.points.push_back(ring.points.front());
    return ring;
  }

  decltype(GeoCondition::area) Area() {
    switch (Below(3)) {
      case 0: {
        GeoBoundingBox box{Place(), Place()};
        if (box.top_left.lat < box.bottom_right.lat) std::swap(box.top_left, box.bottom_right);
        return box;
      }
      case 1:
        return GeoRadius{Place(), static_cast<double>(Below(200)) * 1e5};
      default:
        return GeoPolygon{Ring(),
                          Below(2) == 0 ? std::vector{Ring()} : std::vector<GeoPolygon::Ring>{}};
    }
  }

  Condition Any(int depth) {
    switch (Below(depth > 0 ? 12 : 9)) {
      case 0: {
        std::vector<PointId> ids;
        for (size_t i = Below(30); i > 0; --i) ids.emplace_back(Below(200));
        return HasIdCondition{ids};
      }
      case 1:
        return HasVectorCondition{Below(3) == 0 ? "nobody" : "v"};
      case 9:
        return NestedCondition{Below(2) == 0 ? "b" : "b[]",
                               std::make_shared<Filter>(NestedFilter(depth - 1))};
      case 10:
        return std::make_shared<const Filter>(Random(depth - 1));
      default:
        return Field();
    }
  }

  Filter Random(int depth) {
    Filter filter;
    for (size_t i = Below(3); i > 0; --i) filter.must.push_back(Any(depth));
    for (size_t i = Below(3); i > 0; --i) filter.should.push_back(Any(depth));
    for (size_t i = Below(2); i > 0; --i) filter.must_not.push_back(Any(depth));
    if (Below(4) == 0) {
      filter.min_should.emplace();
      filter.min_should->min_count = Below(4);
      for (size_t i = Below(4); i > 0; --i) filter.min_should->conditions.push_back(Any(depth));
    }
    return filter;
  }

 private:
  std::string Word() {
    static const std::vector<std::string> words = {"red", "green", "blue", "red green",
                                                   "reddish-blue"};
    return words[Below(words.size())];
  }

  std::string TextPart() {
    static const std::vector<std::string> parts = {"red", "re",       "d g",  "een",       "",
                                                   "-",   "ddish-bl", "wwww", "red green", "x"};
    return parts[Below(parts.size())];
  }

  // Of objects that have a member c.
  Filter NestedFilter(int depth) {
    Filter filter = Random(depth);
    for (auto* conditions : {&filter.must, &filter.should, &filter.must_not}) {
      for (Condition& condition : *conditions) {
        if (auto* field = std::get_if<FieldCondition>(&condition)) {
          field->key = Below(4) == 0 ? "c[]" : "c";
        }
      }
    }
    return filter;
  }

  std::mt19937 random_;
};

inline constexpr PayloadIndexType kEveryPayloadIndexType[] = {
    PayloadIndexType::kKeyword, PayloadIndexType::kInteger,  PayloadIndexType::kFloat,
    PayloadIndexType::kBool,    PayloadIndexType::kDatetime, PayloadIndexType::kText,
    PayloadIndexType::kUuid,    PayloadIndexType::kGeo};

}  // namespace vecnest::engine

#endif  // VECNEST_TESTS_ENGINE_RANDOM_PAYLOADS_H_
