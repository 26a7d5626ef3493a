#include "net/codec_filter.h"

#include <limits>
#include <memory>
#include <utility>

#include "engine/datetime.h"
#include "engine/geo.h"
#include "fmt/format.h"

namespace vecnest::net {
namespace {

constexpr int kMaxFilterDepth = 32;

Filter ReadFilterAt(const Json& value, std::string_view path, int depth, absl::Status& status);

std::optional<MatchValue> ReadMatchValue(const Json& value, std::string_view path,
                                         absl::Status& status) {
  if (value.is_boolean()) return MatchValue(value.get<bool>());
  if (value.is_string()) return MatchValue(value.get<std::string>());
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() ||
       value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  if (fits) return MatchValue(value.get<int64_t>());
  status.Update(
      WrongType(path, "a string, an integer or a boolean (use range for other numbers)", value));
  return std::nullopt;
}

std::vector<MatchValue> ReadMatchValues(const Json& value, const std::string& path,
                                        absl::Status& status) {
  std::vector<MatchValue> values;
  if (!value.is_array()) {
    status.Update(WrongType(path, "a list", value));
    return values;
  }
  for (const Json& element : value) {
    auto read = ReadMatchValue(element, ElementPath(path, values.size()), status);
    if (!read) return values;
    values.push_back(*std::move(read));
  }
  return values;
}

// An object that must have exactly one of the members its readers look for.
absl::Status ExactlyOne(const std::string& path, int count, std::string_view choices) {
  if (count == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: expected exactly one of {}, got {}", path, choices, count));
}

void ReadMatch(const Json& value, const std::string& path, absl::Status& status,
               FieldCondition& condition) {
  JsonFields fields(value, path, status);
  int count = 0;
  if (const Json* single = fields.Find("value")) {
    ++count;
    if (auto read = ReadMatchValue(*single, fields.PathOf("value"), status)) {
      condition.test = MatchCondition{*std::move(read)};
    }
  }
  if (const Json* any = fields.Find("any")) {
    ++count;
    condition.test = MatchAnyCondition{ReadMatchValues(*any, fields.PathOf("any"), status)};
  }
  if (const Json* except = fields.Find("except")) {
    ++count;
    condition.test =
        MatchExceptCondition{ReadMatchValues(*except, fields.PathOf("except"), status)};
  }
  if (auto text = fields.String("text")) {
    ++count;
    condition.test = MatchTextCondition{*std::move(text)};
  }
  fields.Refuse({"text_any", "phrase"});
  fields.Finish();
  status.Update(ExactlyOne(path, count, "value, any, except, text"));
}

void ReadRange(const Json& value, const std::string& path, absl::Status& status,
               FieldCondition& condition) {
  JsonFields fields(value, path, status);
  RangeCondition numbers;
  DatetimeRangeCondition datetimes;
  bool has_numbers = false;
  bool has_datetimes = false;
  const auto bound = [&](std::string_view name, std::optional<double>& number,
                         std::optional<int64_t>& datetime) {
    const Json* found = fields.Find(name);
    if (found == nullptr) return;
    if (found->is_number()) {
      number = found->get<double>();
      has_numbers = true;
      return;
    }
    if (found->is_string()) datetime = engine::ParseDatetime(found->get<std::string>());
    if (!datetime) status.Update(WrongType(fields.PathOf(name), "a number or a date-time", *found));
    has_datetimes = true;
  };
  bound("gt", numbers.gt, datetimes.gt);
  bound("gte", numbers.gte, datetimes.gte);
  bound("lt", numbers.lt, datetimes.lt);
  bound("lte", numbers.lte, datetimes.lte);
  fields.Finish();
  if (has_numbers && has_datetimes) {
    status.Update(absl::InvalidArgumentError(
        fmt::format("{}: bounds are numbers or date-times, not both", path)));
  }
  if (has_datetimes) {
    condition.test = datetimes;
  } else {
    condition.test = numbers;
  }
}

void ReadValuesCount(const Json& value, const std::string& path, absl::Status& status,
                     FieldCondition& condition) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  JsonFields fields(value, path, status);
  ValuesCountCondition count;
  count.gt = fields.Integer("gt", 0, kMax);
  count.gte = fields.Integer("gte", 0, kMax);
  count.lt = fields.Integer("lt", 0, kMax);
  count.lte = fields.Integer("lte", 0, kMax);
  fields.Finish();
  condition.test = count;
}

GeoPoint ReadPoint(const Json& value, std::string path, absl::Status& status) {
  JsonFields fields(value, std::move(path), status);
  fields.Require("lon");
  fields.Require("lat");
  const GeoPoint point{fields.Number("lon").value_or(0), fields.Number("lat").value_or(0)};
  fields.Finish();
  return point;
}

GeoPoint RequirePoint(JsonFields& fields, std::string_view name, absl::Status& status) {
  const Json* point = fields.Require(name);
  return point == nullptr ? GeoPoint{} : ReadPoint(*point, fields.PathOf(name), status);
}

GeoBoundingBox ReadGeoBoundingBox(JsonFields& fields, absl::Status& status) {
  return {RequirePoint(fields, "top_left", status), RequirePoint(fields, "bottom_right", status)};
}

GeoRadius ReadGeoRadius(JsonFields& fields, absl::Status& status) {
  fields.Require("radius");
  return {RequirePoint(fields, "center", status), fields.Number("radius").value_or(0)};
}

// The elements of a list, by a reader of one; as far as there is no error.
template <typename Element>
std::vector<Element> ReadEach(const Json& value, const std::string& path,
                              Element (*read)(const Json&, std::string, absl::Status&),
                              absl::Status& status) {
  std::vector<Element> elements;
  if (!value.is_array()) status.Update(WrongType(path, "a list", value));
  for (size_t i = 0; i < value.size() && status.ok(); ++i) {
    elements.push_back(read(value[i], ElementPath(path, i), status));
  }
  return elements;
}

GeoPolygon::Ring ReadRing(const Json& value, std::string path, absl::Status& status) {
  JsonFields fields(value, std::move(path), status);
  GeoPolygon::Ring ring;
  if (const Json* points = fields.Require("points")) {
    ring.points = ReadEach(*points, fields.PathOf("points"), ReadPoint, status);
  }
  fields.Finish();
  return ring;
}

GeoPolygon ReadGeoPolygon(JsonFields& fields, absl::Status& status) {
  GeoPolygon polygon;
  if (const Json* exterior = fields.Require("exterior")) {
    polygon.exterior = ReadRing(*exterior, fields.PathOf("exterior"), status);
  }
  if (const Json* interiors = fields.Find("interiors")) {
    polygon.interiors = ReadEach(*interiors, fields.PathOf("interiors"), ReadRing, status);
  }
  return polygon;
}

// `read` makes an area of the members of the object.
template <typename Read>
GeoCondition ReadGeo(const Json& value, const std::string& path, absl::Status& status, Read read) {
  JsonFields fields(value, path, status);
  GeoCondition condition{read(fields, status)};
  fields.Finish();
  if (!status.ok()) return condition;
  if (const auto valid = engine::GeoArea::Create(condition).status(); !valid.ok()) {
    status = absl::InvalidArgumentError(MemberPath(path, std::string(valid.message())));
  }
  return condition;
}

Condition ReadFieldCondition(JsonFields& fields, std::string key, absl::Status& status) {
  FieldCondition condition{std::move(key), IsEmptyCondition{}};
  std::optional<Condition> negated;
  int count = 0;
  // is_empty: false and is_null: false turn the test round.
  const auto flag = [&](std::string_view name, auto test) {
    const auto wanted = fields.Bool(name);
    if (!wanted) return;
    ++count;
    condition.test = test;
    if (*wanted) return;
    auto filter = std::make_shared<Filter>();
    filter->must_not.push_back(condition);
    negated = std::shared_ptr<const Filter>(std::move(filter));
  };
  if (const Json* match = fields.Find("match")) {
    ++count;
    ReadMatch(*match, fields.PathOf("match"), status, condition);
  }
  if (const Json* range = fields.Find("range")) {
    ++count;
    ReadRange(*range, fields.PathOf("range"), status, condition);
  }
  if (const Json* values_count = fields.Find("values_count")) {
    ++count;
    ReadValuesCount(*values_count, fields.PathOf("values_count"), status, condition);
  }
  const auto geo = [&](std::string_view name, auto read) {
    const Json* area = fields.Find(name);
    if (area == nullptr) return;
    ++count;
    condition.test = ReadGeo(*area, fields.PathOf(name), status, read);
  };
  geo("geo_bounding_box", ReadGeoBoundingBox);
  geo("geo_radius", ReadGeoRadius);
  geo("geo_polygon", ReadGeoPolygon);
  flag("is_empty", IsEmptyCondition{});
  flag("is_null", IsNullCondition{});
  fields.Finish();
  status.Update(ExactlyOne(fields.path(), count,
                           "match, range, values_count, geo_bounding_box, geo_radius, geo_polygon, "
                           "is_empty, is_null"));
  if (negated) return *std::move(negated);
  return condition;
}

// {"is_empty": {"key": "..."}} and {"is_null": {"key": "..."}}.
template <typename Test>
Condition ReadKeyCondition(const Json& value, const std::string& path, Test test,
                           absl::Status& status) {
  JsonFields fields(value, path, status);
  fields.Require("key");
  FieldCondition condition{fields.String("key").value_or(""), test};
  fields.Finish();
  return condition;
}

Condition ReadNested(const Json& value, const std::string& path, int depth, absl::Status& status) {
  JsonFields fields(value, path, status);
  NestedCondition nested;
  fields.Require("key");
  nested.key = fields.String("key").value_or("");
  auto filter = std::make_shared<Filter>();
  if (const Json* inner = fields.Require("filter")) {
    *filter = ReadFilterAt(*inner, fields.PathOf("filter"), depth + 1, status);
  }
  nested.filter = std::move(filter);
  fields.Finish();
  return nested;
}

Condition ReadCondition(const Json& value, const std::string& path, int depth,
                        absl::Status& status) {
  JsonFields fields(value, path, status);
  if (fields.Find("key") != nullptr) {
    return ReadFieldCondition(fields, fields.String("key").value_or(""), status);
  }
  std::optional<Condition> condition;
  if (const Json* empty = fields.Find("is_empty")) {
    condition = ReadKeyCondition(*empty, fields.PathOf("is_empty"), IsEmptyCondition{}, status);
  } else if (const Json* null = fields.Find("is_null")) {
    condition = ReadKeyCondition(*null, fields.PathOf("is_null"), IsNullCondition{}, status);
  } else if (const Json* ids = fields.Find("has_id")) {
    condition = HasIdCondition{ReadPointIds(*ids, fields.PathOf("has_id"), status)};
  } else if (auto name = fields.String("has_vector")) {
    condition = HasVectorCondition{*std::move(name)};
  } else if (const Json* nested = fields.Find("nested")) {
    condition = ReadNested(*nested, fields.PathOf("nested"), depth, status);
  }
  if (condition) {
    fields.Finish();
    return *std::move(condition);
  }
  return std::shared_ptr<const Filter>(
      std::make_shared<Filter>(ReadFilterAt(value, path, depth + 1, status)));
}

// A single condition or a list of them.
std::vector<Condition> ReadConditions(const Json& value, const std::string& path, int depth,
                                      absl::Status& status) {
  std::vector<Condition> conditions;
  if (!value.is_array()) {
    conditions.push_back(ReadCondition(value, path, depth, status));
    return conditions;
  }
  for (const Json& element : value) {
    conditions.push_back(
        ReadCondition(element, ElementPath(path, conditions.size()), depth, status));
    if (!status.ok()) break;
  }
  return conditions;
}

Filter ReadFilterAt(const Json& value, std::string_view path, int depth, absl::Status& status) {
  Filter filter;
  if (depth > kMaxFilterDepth) {
    status.Update(absl::InvalidArgumentError(
        fmt::format("filter: nested more than {} levels deep", kMaxFilterDepth)));
    return filter;
  }
  JsonFields fields(value, std::string(path), status);
  const auto clause = [&](std::string_view name, std::vector<Condition>& conditions) {
    if (const Json* found = fields.Find(name)) {
      conditions = ReadConditions(*found, fields.PathOf(name), depth, status);
    }
  };
  clause("must", filter.must);
  clause("should", filter.should);
  clause("must_not", filter.must_not);
  if (const Json* min_should = fields.Find("min_should")) {
    JsonFields inner(*min_should, fields.PathOf("min_should"), status);
    filter.min_should = Filter::MinShould();
    if (const Json* conditions = inner.Require("conditions")) {
      filter.min_should->conditions =
          ReadConditions(*conditions, inner.PathOf("conditions"), depth, status);
    }
    inner.Require("min_count");
    filter.min_should->min_count = static_cast<size_t>(
        inner.Integer("min_count", 0, std::numeric_limits<int32_t>::max()).value_or(0));
    inner.Finish();
  }
  fields.Finish();
  return filter;
}

}  // namespace

std::optional<PointId> ReadPointId(const Json& value, std::string_view path, absl::Status& status) {
  if (!status.ok()) return std::nullopt;
  if (value.is_number_unsigned()) return PointId(value.get<uint64_t>());
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    auto id = PointId::Parse(text);
    if (id.ok() && id->is_uuid()) return *id;
    status = absl::InvalidArgumentError(fmt::format(
        "{}: '{}' is not a valid point ID, valid values are either an unsigned integer or a UUID",
        path, text.substr(0, 64)));
    return std::nullopt;
  }
  status = value.is_number()
               ? absl::InvalidArgumentError(fmt::format(
                     "{}: {} is not a valid point ID, expected an unsigned integer or a UUID", path,
                     value.dump()))
               : WrongType(path, "an unsigned integer or a UUID", value);
  return std::nullopt;
}

std::vector<PointId> ReadPointIds(const Json& value, std::string_view path, absl::Status& status) {
  std::vector<PointId> ids;
  if (!value.is_array()) {
    status.Update(WrongType(path, "a list of point ids", value));
    return ids;
  }
  for (const Json& element : value) {
    auto id = ReadPointId(element, ElementPath(path, ids.size()), status);
    if (!id) return ids;
    ids.push_back(*id);
  }
  return ids;
}

Json WritePointId(const PointId& id) {
  return id.is_uuid() ? Json(id.ToString()) : Json(id.number());
}

Filter ReadFilter(const Json& value, std::string_view path, absl::Status& status) {
  return ReadFilterAt(value, path, 0, status);
}

}  // namespace vecnest::net
