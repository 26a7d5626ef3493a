#include "engine/filter_match.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/datetime.h"
#include "engine/geo.h"
#include "engine/payload.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

constexpr int kMaxFilterDepth = 32;

using FieldTest = decltype(FieldCondition::test);

bool Equals(const MatchValue& wanted, const Json& value) {
  if (const auto* flag = std::get_if<bool>(&wanted)) {
    return value.is_boolean() && value.get<bool>() == *flag;
  }
  if (const auto* text = std::get_if<std::string>(&wanted)) {
    return value.is_string() && value.get_ref<const std::string&>() == *text;
  }
  const int64_t number = std::get<int64_t>(wanted);
  if (value.is_number_unsigned()) {
    return number >= 0 && value.get<uint64_t>() == static_cast<uint64_t>(number);
  }
  return value.is_number_integer() && value.get<int64_t>() == number;
}

bool EqualsAny(const std::vector<MatchValue>& wanted, const Json& value) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const MatchValue& one) { return Equals(one, value); });
}

// The value, or one element of it when it is a list, passes.
bool AnyElement(const PayloadPath& path, const Json& payload,
                absl::FunctionRef<bool(const Json&)> passes) {
  return path.AnyOf(payload, [&](const Json& value) {
    return value.is_array() ? std::any_of(value.begin(), value.end(), passes) : passes(value);
  });
}

// Tests of a single value.
struct ElementTest {
  const Json& value;
  bool operator()(const MatchCondition& test) const { return Equals(test.value, value); }
  bool operator()(const MatchAnyCondition& test) const { return EqualsAny(test.values, value); }
  bool operator()(const MatchExceptCondition& test) const {
    return !value.is_null() && !EqualsAny(test.values, value);
  }
  bool operator()(const MatchTextCondition& test) const {
    return value.is_string() &&
           value.get_ref<const std::string&>().find(test.text) != std::string::npos;
  }
  bool operator()(const RangeCondition& test) const {
    return value.is_number() && Within(test, value.get<double>());
  }
  bool operator()(const DatetimeRangeCondition& test) const {
    if (!value.is_string()) return false;
    const auto time = ParseDatetime(value.get_ref<const std::string&>());
    return time && Within(test, *time);
  }
  // The remaining tests look at a value as a whole, or have a clause of their own.
  template <typename Whole>
  bool operator()(const Whole&) const {
    return false;
  }
};

bool FieldMatches(const PayloadPath& path, const FieldTest& test, const Json& payload) {
  if (std::holds_alternative<IsEmptyCondition>(test)) {
    return !path.AnyOf(payload, [](const Json& value) { return ValueCount(value) > 0; });
  }
  if (std::holds_alternative<IsNullCondition>(test)) {
    return path.AnyOf(payload, [](const Json& value) { return value.is_null(); });
  }
  if (const auto* count = std::get_if<ValuesCountCondition>(&test)) {
    bool found = false;
    const bool any = path.AnyOf(payload, [&](const Json& value) {
      found = true;
      return Within(*count, ValueCount(value));
    });
    return any || (!found && Within(*count, int64_t{0}));
  }
  return AnyElement(path, payload,
                    [&](const Json& value) { return std::visit(ElementTest{value}, test); });
}

}  // namespace

int64_t ValueCount(const Json& value) {
  if (value.is_null()) return 0;
  return value.is_array() ? static_cast<int64_t>(value.size()) : 1;
}

struct FilterMatcher::Node {
  struct Field {
    PayloadPath path;
    FieldTest test;
  };
  struct Geo {
    PayloadPath path;
    std::unique_ptr<const GeoArea> area;
  };
  struct Ids {
    std::vector<PointId> sorted;
  };
  struct Vector {
    std::string name;
  };
  struct Nested {
    PayloadPath path;
    std::unique_ptr<Node> node;
  };
  using Clause = std::variant<Field, Geo, Ids, Vector, Nested, std::unique_ptr<Node>>;
  using Clauses = std::vector<Clause>;

  Clauses must;
  Clauses should;
  Clauses must_not;
  Clauses min_should;
  size_t min_count = 0;

  struct Subject {
    const PointId& id;
    const Json& payload;
    absl::FunctionRef<bool(std::string_view)> has_vector;
  };

  static absl::StatusOr<std::unique_ptr<Node>> Compile(const Filter& filter, int depth);
  static absl::Status CompileInto(const std::vector<Condition>& conditions, int depth,
                                  Clauses& clauses);
  static absl::StatusOr<Clause> CompileOne(const Condition& condition, int depth);
  static bool Holds(const Clause& clause, const Subject& subject);
  bool Matches(const Subject& subject) const;
};

absl::StatusOr<FilterMatcher::Node::Clause> FilterMatcher::Node::CompileOne(
    const Condition& condition, int depth) {
  if (const auto* field = std::get_if<FieldCondition>(&condition)) {
    auto path = PayloadPath::Parse(field->key);
    if (!path.ok()) return path.status();
    if (const auto* geo = std::get_if<GeoCondition>(&field->test)) {
      auto area = GeoArea::Create(*geo);
      if (area.ok()) return Clause(Geo{*std::move(path), *std::move(area)});
      return absl::InvalidArgumentError(fmt::format("filter: the area of '{}': {}", field->key,
                                                    std::string(area.status().message())));
    }
    return Clause(Field{*std::move(path), field->test});
  }
  if (const auto* ids = std::get_if<HasIdCondition>(&condition)) {
    Ids sorted{ids->ids};
    std::sort(sorted.sorted.begin(), sorted.sorted.end());
    sorted.sorted.erase(std::unique(sorted.sorted.begin(), sorted.sorted.end()),
                        sorted.sorted.end());
    return Clause(std::move(sorted));
  }
  if (const auto* vector = std::get_if<HasVectorCondition>(&condition)) {
    return Clause(Vector{vector->name});
  }
  if (const auto* nested = std::get_if<NestedCondition>(&condition)) {
    auto path = PayloadPath::Parse(nested->key);
    if (!path.ok()) return path.status();
    auto node = Compile(*nested->filter, depth + 1);
    if (!node.ok()) return node.status();
    return Clause(Nested{*std::move(path), *std::move(node)});
  }
  auto node = Compile(*std::get<std::shared_ptr<const Filter>>(condition), depth + 1);
  if (!node.ok()) return node.status();
  return Clause(*std::move(node));
}

absl::Status FilterMatcher::Node::CompileInto(const std::vector<Condition>& conditions, int depth,
                                              Clauses& clauses) {
  for (const Condition& condition : conditions) {
    auto clause = CompileOne(condition, depth);
    if (!clause.ok()) return clause.status();
    clauses.push_back(*std::move(clause));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FilterMatcher::Node>> FilterMatcher::Node::Compile(
    const Filter& filter, int depth) {
  if (depth > kMaxFilterDepth) {
    return absl::InvalidArgumentError(
        fmt::format("filter: nested more than {} levels deep", kMaxFilterDepth));
  }
  auto node = std::make_unique<Node>();
  static const std::vector<Condition> no_conditions;
  const auto& min_should = filter.min_should ? filter.min_should->conditions : no_conditions;
  node->min_count = filter.min_should ? filter.min_should->min_count : 0;
  for (auto [conditions, clauses] :
       {std::pair{&filter.must, &node->must}, std::pair{&filter.should, &node->should},
        std::pair{&filter.must_not, &node->must_not}, std::pair{&min_should, &node->min_should}}) {
    if (auto status = CompileInto(*conditions, depth, *clauses); !status.ok()) return status;
  }
  return node;
}

bool FilterMatcher::Node::Holds(const Clause& clause, const Subject& subject) {
  if (const auto* field = std::get_if<Field>(&clause)) {
    return FieldMatches(field->path, field->test, subject.payload);
  }
  if (const auto* geo = std::get_if<Geo>(&clause)) {
    return AnyElement(geo->path, subject.payload, [&](const Json& value) {
      const auto place = ReadGeoPoint(value);
      return place && geo->area->Contains(*place);
    });
  }
  if (const auto* ids = std::get_if<Ids>(&clause)) {
    return std::binary_search(ids->sorted.begin(), ids->sorted.end(), subject.id);
  }
  if (const auto* vector = std::get_if<Vector>(&clause)) return subject.has_vector(vector->name);
  if (const auto* nested = std::get_if<Nested>(&clause)) {
    const auto object_matches = [&](const Json& value) {
      return value.is_object() && nested->node->Matches({subject.id, value, subject.has_vector});
    };
    return AnyElement(nested->path, subject.payload, object_matches);
  }
  return std::get<std::unique_ptr<Node>>(clause)->Matches(subject);
}

bool FilterMatcher::Node::Matches(const Subject& subject) const {
  const auto holds = [&](const Clause& clause) { return Holds(clause, subject); };
  return std::all_of(must.begin(), must.end(), holds) &&
         std::none_of(must_not.begin(), must_not.end(), holds) &&
         (should.empty() || std::any_of(should.begin(), should.end(), holds)) &&
         (min_count == 0 || static_cast<size_t>(std::count_if(min_should.begin(), min_should.end(),
                                                              holds)) >= min_count);
}

FilterMatcher::FilterMatcher(std::unique_ptr<Node> root) : root_(std::move(root)) {}
FilterMatcher::FilterMatcher(FilterMatcher&&) noexcept = default;
FilterMatcher& FilterMatcher::operator=(FilterMatcher&&) noexcept = default;
FilterMatcher::~FilterMatcher() = default;

absl::StatusOr<FilterMatcher> FilterMatcher::Compile(const Filter& filter) {
  auto root = Node::Compile(filter, 0);
  if (!root.ok()) return root.status();
  return FilterMatcher(*std::move(root));
}

bool FilterMatcher::Matches(const PointId& id, const Json& payload,
                            absl::FunctionRef<bool(std::string_view)> has_vector) const {
  return root_->Matches({id, payload, has_vector});
}

}  // namespace vecnest::engine
