#include "net/codec_points.h"

#include <cmath>
#include <iterator>

#include "absl/strings/escaping.h"
#include "fmt/compile.h"
#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/json_text.h"

namespace vecnest::net {
namespace {

// More than any model reads; the model's own limit is checked when it is known.
constexpr int64_t kMostTokens = 1 << 20;

constexpr std::string_view kInputs = R"(a list of numbers, {"base64": ...} or {"text": ...})";

bool IsText(const Json& value) { return value.is_object() && value.contains("text"); }

std::vector<float> ReadBase64(const Json& value, std::string_view path, absl::Status& status) {
  JsonFields fields(value, std::string(path), status);
  const std::string where = fields.PathOf("base64");
  fields.Require("base64");
  const std::string text = fields.String("base64").value_or("");
  fields.Finish();
  if (!status.ok()) return {};
  std::string bytes;
  std::vector<float> vector;
  if (!absl::Base64Unescape(text, &bytes)) {
    status = absl::InvalidArgumentError(fmt::format("{}: is not base64", where));
  } else if (bytes.size() % sizeof(float) != 0) {
    status = absl::InvalidArgumentError(fmt::format(
        "{}: {} bytes, expected floats of {} bytes each", where, bytes.size(), sizeof(float)));
  } else {
    vector.resize(bytes.size() / sizeof(float));
    bytes.copy(reinterpret_cast<char*>(vector.data()), bytes.size());
  }
  for (size_t i = 0; i < vector.size(); ++i) {
    if (std::isfinite(vector[i])) continue;
    status = absl::InvalidArgumentError(
        fmt::format("{}: component {} is {}, expected a finite number", where, i, vector[i]));
    return {};
  }
  return vector;
}

std::string ReadPayload(const Json* value, std::string_view path, absl::Status& status) {
  if (value == nullptr) return "{}";
  if (value->is_object()) return value->dump();
  status.Update(WrongType(path, "an object", *value));
  return "{}";
}

Point ReadPoint(const Json& value, const std::string& path, absl::Status& status) {
  JsonFields fields(value, path, status);
  Point point;
  if (const Json* id = fields.Require("id")) {
    if (auto read = ReadPointId(*id, fields.PathOf("id"), status)) point.id = *read;
  }
  if (const Json* vector = fields.Require("vector")) {
    point.vectors = ReadNamedInputs(*vector, fields.PathOf("vector"), status);
  }
  point.payload = ReadPayload(fields.Find("payload"), fields.PathOf("payload"), status);
  fields.Finish();
  return point;
}

absl::Status WrongLength(const std::string& path, size_t got, size_t expected) {
  return absl::InvalidArgumentError(
      fmt::format("{}: expected {} elements, one an id, got {}", path, expected, got));
}

// {"ids": [...], "vectors": [...] | {"name": [...]}, "payloads": [...]}
std::vector<Point> ReadColumns(const Json& value, const std::string& path, absl::Status& status) {
  JsonFields fields(value, path, status);
  std::vector<Point> points;
  if (const Json* ids = fields.Require("ids")) {
    for (const PointId& id : ReadPointIds(*ids, fields.PathOf("ids"), status)) {
      points.emplace_back().id = id;
    }
  }
  const auto column = [&](const Json& values, const std::string& name, const std::string& where) {
    const bool numbers =
        values.is_binary() || (values.is_array() && !values.empty() && values.front().is_number());
    if (numbers) {
      status.Update(absl::InvalidArgumentError(
          fmt::format("{}: expected a list of vectors, got a list of numbers", where)));
    } else if (!values.is_array()) {
      status.Update(WrongType(where, "a list", values));
    } else if (values.size() != points.size()) {
      status.Update(WrongLength(where, values.size(), points.size()));
    }
    for (size_t i = 0; status.ok() && i < points.size(); ++i) {
      points[i].vectors[name] = ReadVectorInput(values[i], ElementPath(where, i), status);
    }
  };
  if (const Json* vectors = fields.Require("vectors")) {
    const std::string where = fields.PathOf("vectors");
    if (vectors->is_object()) {
      for (const auto& [name, values] : vectors->items()) {
        column(values, name, MemberPath(where, name));
      }
    } else {
      column(*vectors, "", where);
    }
  }
  if (const Json* payloads = fields.Find("payloads")) {
    const std::string where = fields.PathOf("payloads");
    if (!payloads->is_array()) {
      status.Update(WrongType(where, "a list", *payloads));
    } else if (payloads->size() != points.size()) {
      status.Update(WrongLength(where, payloads->size(), points.size()));
    }
    for (size_t i = 0; status.ok() && i < points.size(); ++i) {
      const Json& payload = (*payloads)[i];
      points[i].payload =
          ReadPayload(payload.is_null() ? nullptr : &payload, ElementPath(where, i), status);
    }
  }
  fields.Finish();
  return points;
}

// What is to be done with a text that is too long for the model.
void ReadHandling(JsonFields& fields, Text& text) {
  text.truncate = fields.Bool("truncate").value_or(text.truncate);
  if (const Json* chunk = fields.Find("chunk")) {
    text.chunk = ReadChunking(*chunk, fields.PathOf("chunk"), fields.status());
  }
}

void AppendVector(const std::vector<float>& vector, bool unit_length, std::string& text) {
  double square = 0;
  if (unit_length) {
    for (float value : vector) square += double{value} * value;
  }
  AppendNumbers(vector, square == 0 ? 1 : 1 / std::sqrt(square), text);
}

void AppendId(const PointId& id, std::string& text) {
  if (id.is_uuid()) {
    fmt::format_to(std::back_inserter(text), FMT_COMPILE(R"("{}")"), id.ToString());
  } else {
    fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), id.number());
  }
}

// Of an object whose members stand in alphabetical order; it is left open.
void AppendPoint(const PointId& id, const std::optional<std::string>& payload, std::string& text) {
  text += R"({"id":)";
  AppendId(id, text);
  if (payload) {
    text += R"(,"payload":)";
    text += *payload;
  }
}

void AppendVectorMember(const std::optional<NamedVectors>& vectors, const UnitLength& unit_length,
                        std::string& text) {
  if (!vectors) return;
  text += R"(,"vector":)";
  AppendVectors(*vectors, unit_length, text);
}

}  // namespace

Chunking ReadChunking(const Json& value, std::string_view path, absl::Status& status) {
  JsonFields fields(value, std::string(path), status);
  Chunking chunk;
  fields.Require("max_tokens");
  chunk.max_tokens = static_cast<int>(fields.Integer("max_tokens", 1, kMostTokens).value_or(1));
  chunk.overlap = static_cast<int>(fields.Integer("overlap", 0, chunk.max_tokens - 1).value_or(0));
  fields.Finish();
  return chunk;
}

Text ReadText(const Json& value, std::string_view path, absl::Status& status) {
  JsonFields fields(value, std::string(path), status);
  Text text;
  fields.Require("text");
  text.text = fields.String("text").value_or("");
  text.model = fields.String("model").value_or("");
  ReadHandling(fields, text);
  if (const Json* options = fields.Find("options")) {
    JsonFields inner(*options, fields.PathOf("options"), status);
    text.prefix = inner.String("prefix");
    for (const char* twice : {"truncate", "chunk"}) {
      if (inner.Find(twice) != nullptr && fields.Find(twice) != nullptr) {
        status.Update(absl::InvalidArgumentError(
            fmt::format("{}: given twice, once in options", fields.PathOf(twice))));
      }
    }
    ReadHandling(inner, text);
    inner.Finish();
  }
  fields.Finish();
  return text;
}

bool IsInputObject(const Json& value) {
  return IsText(value) || (value.is_object() && value.contains("base64"));
}

VectorInput ReadVectorInput(const Json& value, std::string_view path, absl::Status& status) {
  if (IsText(value)) return ReadText(value, path, status);
  if (IsInputObject(value)) return ReadBase64(value, path, status);
  if (value.is_array() && !value.empty() &&
      (value.front().is_array() || value.front().is_binary())) {
    status.Update(absl::UnimplementedError(
        fmt::format("{}: multivectors are not supported; expected a list of numbers", path)));
  }
  if (value.is_object()) {
    for (const char* kind : {"indices", "image", "object"}) {
      if (value.contains(kind)) {
        status.Update(absl::UnimplementedError(
            fmt::format("{}: '{}' (sparse vectors, images, objects) is not supported; expected {}",
                        path, kind, kInputs)));
      }
    }
    status.Update(WrongType(path, kInputs, value));
  }
  return ReadFloats(value, path, status).value_or(std::vector<float>());
}

NamedInputs ReadNamedInputs(const Json& value, std::string_view path, absl::Status& status) {
  NamedInputs inputs;
  const bool unnamed = !value.is_object() || IsText(value) || value.contains("indices") ||
                       (value.contains("base64") && value["base64"].is_string());
  if (unnamed) {
    inputs[""] = ReadVectorInput(value, path, status);
    return inputs;
  }
  for (const auto& [name, input] : value.items()) {
    inputs[name] = ReadVectorInput(input, MemberPath(path, name), status);
  }
  return inputs;
}

std::vector<Point> ReadUpsert(const Json& body, std::string_view path, absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  const Json* list = fields.Find("points");
  const Json* columns = fields.Find("batch");
  fields.Refuse({"shard_key", "update_filter", "update_mode"});
  fields.Finish();
  std::vector<Point> points;
  if ((list == nullptr) == (columns == nullptr)) {
    status.Update(absl::InvalidArgumentError(fmt::format("{}: expected either 'points' or 'batch'",
                                                         path.empty() ? "request body" : path)));
    return points;
  }
  if (columns != nullptr) return ReadColumns(*columns, fields.PathOf("batch"), status);
  if (!list->is_array()) status.Update(WrongType(fields.PathOf("points"), "a list", *list));
  for (size_t i = 0; status.ok() && i < list->size(); ++i) {
    points.push_back(ReadPoint((*list)[i], ElementPath(fields.PathOf("points"), i), status));
  }
  return points;
}

Point ReadBulkLine(const Json& line, absl::Status& status) {
  JsonFields fields(line, "", status);
  Point point;
  if (const Json* id = fields.Require("id")) {
    if (auto read = ReadPointId(*id, "id", status)) point.id = *read;
  }
  const Json* vector = fields.Find("vector");
  const Json* text = fields.Find("text");
  if ((vector == nullptr) == (text == nullptr)) {
    status.Update(absl::InvalidArgumentError("expected either 'vector' or 'text'"));
  } else if (text != nullptr) {
    Text read{fields.String("text").value_or(""), "", std::nullopt};
    ReadHandling(fields, read);
    point.vectors[""] = std::move(read);
  } else {
    point.vectors = ReadNamedInputs(*vector, "vector", status);
    for (const char* of_text : {"chunk", "truncate"}) {
      if (fields.Find(of_text) == nullptr) continue;
      status.Update(absl::InvalidArgumentError(fmt::format(
          "{}: belongs to 'text'; beside 'vector' it stands in a text object", of_text)));
    }
  }
  point.payload = ReadPayload(fields.Find("payload"), "payload", status);
  fields.Finish();
  return point;
}

std::vector<std::pair<PointId, NamedInputs>> ReadVectorUpdate(const Json& body,
                                                              std::string_view path,
                                                              absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  const Json* list = fields.Require("points");
  fields.Refuse({"shard_key", "update_filter"});
  fields.Finish();
  std::vector<std::pair<PointId, NamedInputs>> updates;
  if (list == nullptr) return updates;
  if (!list->is_array()) status.Update(WrongType(fields.PathOf("points"), "a list", *list));
  for (size_t i = 0; status.ok() && i < list->size(); ++i) {
    const std::string place = ElementPath(fields.PathOf("points"), i);
    if ((*list)[i].is_object() && (*list)[i].contains("payload")) {
      status.Update(absl::InvalidArgumentError(
          fmt::format("{}: not known here; payloads are changed under /points/payload",
                      MemberPath(place, "payload"))));
    }
    Point point = ReadPoint((*list)[i], place, status);
    updates.emplace_back(point.id, std::move(point.vectors));
  }
  return updates;
}

PointSelector ReadSelector(JsonFields& fields) {
  const Json* points = fields.Find("points");
  const Json* filter = fields.Find("filter");
  fields.Refuse({"shard_key"});
  if ((points == nullptr) == (filter == nullptr)) {
    fields.status().Update(absl::InvalidArgumentError(
        fmt::format("{}: expected either 'points' or 'filter'",
                    fields.path().empty() ? "request body" : fields.path())));
    return std::vector<PointId>();
  }
  if (points != nullptr) return ReadPointIds(*points, fields.PathOf("points"), fields.status());
  return ReadFilter(*filter, fields.PathOf("filter"), fields.status());
}

PayloadUpdate ReadPayloadUpdate(const Json& body, std::string_view path, absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  PayloadUpdate update;
  update.points = ReadSelector(fields);
  update.payload = ReadPayload(fields.Require("payload"), fields.PathOf("payload"), status);
  update.key = fields.String("key").value_or("");
  fields.Finish();
  return update;
}

KeyRemoval ReadKeyRemoval(const Json& body, std::string_view member, std::string_view path,
                          absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  KeyRemoval removal;
  removal.points = ReadSelector(fields);
  fields.Require(member);
  removal.keys = fields.Strings(member).value_or(std::vector<std::string>());
  fields.Finish();
  return removal;
}

PayloadSelector ReadPayloadSelector(const Json* value, std::string_view path, bool by_default,
                                    absl::Status& status) {
  using Kind = PayloadSelector::Kind;
  if (value == nullptr) return {by_default ? Kind::kAll : Kind::kNone, {}};
  if (value->is_boolean()) return {value->get<bool>() ? Kind::kAll : Kind::kNone, {}};
  const Json wrapped = value->is_array() ? Json{{"include", *value}} : *value;
  if (!wrapped.is_object()) {
    status.Update(WrongType(path, "a boolean, a list of keys, or include/exclude", *value));
    return {};
  }
  JsonFields fields(wrapped, std::string(path), status);
  auto include = fields.Strings("include");
  auto exclude = fields.Strings("exclude");
  fields.Finish();
  if (include.has_value() == exclude.has_value()) {
    status.Update(absl::InvalidArgumentError(
        fmt::format("{}: expected either 'include' or 'exclude'", path)));
    return {};
  }
  if (include) return {Kind::kInclude, *std::move(include)};
  return {Kind::kExclude, *std::move(exclude)};
}

VectorSelector ReadVectorSelector(const Json* value, std::string_view path, absl::Status& status) {
  using Kind = VectorSelector::Kind;
  if (value == nullptr) return {};
  if (value->is_boolean()) return {value->get<bool>() ? Kind::kAll : Kind::kNone, {}};
  if (!value->is_array()) {
    status.Update(WrongType(path, "a boolean or a list of vector names", *value));
    return {};
  }
  const Json wrapped = {{"names", *value}};
  JsonFields fields(wrapped, std::string(path), status);
  return {Kind::kNames, fields.Strings("names").value_or(std::vector<std::string>())};
}

void AppendVectors(const NamedVectors& vectors, const UnitLength& unit_length, std::string& text) {
  const auto unit = [&](const std::string& name) {
    const auto found = unit_length.find(name);
    return found != unit_length.end() && found->second;
  };
  if (vectors.size() == 1 && vectors.contains("")) {
    return AppendVector(vectors.at(""), unit(""), text);
  }
  text += '{';
  for (const auto& [name, vector] : vectors) {
    if (text.back() != '{') text += ',';
    text += Dump(name);
    text += ':';
    AppendVector(vector, unit(name), text);
  }
  text += '}';
}

void AppendRecord(const Record& record, const UnitLength& unit_length, std::string& text) {
  AppendPoint(record.id, record.payload, text);
  AppendVectorMember(record.vectors, unit_length, text);
  text += '}';
}

void AppendScoredPoint(const ScoredPoint& point, const UnitLength& unit_length, std::string& text) {
  AppendPoint(point.id, point.payload, text);
  text += R"(,"score":)";
  AppendNumber(point.score, text);
  AppendVectorMember(point.vectors, unit_length, text);
  fmt::format_to(std::back_inserter(text), FMT_COMPILE(R"(,"version":{}}})"), point.version);
}

Json WriteUpdateResult(const WriteResult& result, bool waited) {
  Json out = {{"operation_id", result.sequence},
              {"status", waited ? "completed" : "acknowledged"},
              {"points", result.affected - result.removed_chunks}};
  if (result.chunks > 0) out["chunks"] = result.chunks;
  if (result.removed_chunks > 0) out["removed_chunks"] = result.removed_chunks;
  if (!result.truncated.empty()) {
    out["truncated"] = Json::array();
    for (const PointId& id : result.truncated) out["truncated"].push_back(WritePointId(id));
  }
  return out;
}

}  // namespace vecnest::net
