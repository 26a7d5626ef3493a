#include "net/codec_adapt.h"

#include <cstdint>
#include <limits>

#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_points.h"

namespace vecnest::net {
namespace {

constexpr int64_t kLargestWidth = 1 << 16;

AdaptInput ReadInput(const Json& value, const std::string& path, absl::Status& status) {
  if (value.is_string()) {
    Text text;
    text.text = value.get<std::string>();
    return text;
  }
  if (value.is_object() && value.contains("id")) {
    JsonFields fields(value, path, status);
    std::optional<PointId> id;
    if (const Json* given = fields.Require("id")) {
      id = ReadPointId(*given, fields.PathOf("id"), status);
    }
    fields.Finish();
    return id.value_or(PointId());
  }
  VectorInput input = ReadVectorInput(value, path, status);
  if (auto* text = std::get_if<Text>(&input)) return std::move(*text);
  return std::move(std::get<std::vector<float>>(input));
}

Json WriteInput(const AdaptInput& input) {
  if (const auto* id = std::get_if<PointId>(&input)) return {{"id", WritePointId(*id)}};
  if (const auto* vector = std::get_if<std::vector<float>>(&input)) return *vector;
  const auto& text = std::get<Text>(input);
  Json json = {{"text", text.text}, {"truncate", text.truncate}};
  if (!text.model.empty()) json["model"] = text.model;
  if (text.prefix) json["options"] = {{"prefix", *text.prefix}};
  return json;
}

AdaptPair ReadPair(const Json& value, const std::string& path, absl::Status& status) {
  JsonFields fields(value, path, status);
  AdaptPair pair;
  if (const Json* query = fields.Require("query")) {
    pair.query = ReadInput(*query, fields.PathOf("query"), status);
  }
  if (const Json* positive = fields.Require("positive")) {
    pair.positive = ReadInput(*positive, fields.PathOf("positive"), status);
  }
  if (const Json* negatives = fields.Find("negatives")) {
    const std::string list = fields.PathOf("negatives");
    if (!negatives->is_array()) status.Update(WrongType(list, "a list", *negatives));
    for (size_t i = 0; status.ok() && i < negatives->size(); ++i) {
      pair.negatives.push_back(ReadInput((*negatives)[i], ElementPath(list, i), status));
    }
  }
  fields.Finish();
  return pair;
}

Json WritePair(const AdaptPair& pair) {
  Json json = {{"query", WriteInput(pair.query)}, {"positive", WriteInput(pair.positive)}};
  for (const AdaptInput& negative : pair.negatives)
    json["negatives"].push_back(WriteInput(negative));
  return json;
}

void ReadTraining(JsonFields& fields, AdaptRequest& request) {
  absl::Status& status = fields.status();
  if (const auto temperature = fields.Number("temperature")) request.temperature = *temperature;
  if (const auto steps = fields.Integer("steps", 1, std::numeric_limits<int>::max())) {
    request.steps = static_cast<int>(*steps);
  }
  if (const Json* widths = fields.Find("widths")) {
    if (!widths->is_array()) status.Update(WrongType("widths", "a list", *widths));
    for (size_t i = 0; status.ok() && i < widths->size(); ++i) {
      const Json& width = (*widths)[i];
      if (!width.is_number_integer() || width < 1 || width > kLargestWidth) {
        status.Update(WrongType(ElementPath("widths", i), "a number of dimensions", width));
      } else {
        request.widths.push_back(width.get<int>());
      }
    }
  }
  if (const Json* pairs = fields.Find("pairs")) {
    if (!pairs->is_array()) status.Update(WrongType("pairs", "a list", *pairs));
    for (size_t i = 0; status.ok() && i < pairs->size(); ++i) {
      request.pairs.push_back(ReadPair((*pairs)[i], ElementPath("pairs", i), status));
    }
  }
}

}  // namespace

AdaptRequest ReadAdaptRequest(const Json& body, absl::Status& status) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  JsonFields fields(body, "", status);
  AdaptRequest request;
  request.vector_name = fields.String("vector").value_or("");
  if (const auto name = fields.String("method")) {
    auto method = ParseAdaptMethod(*name);
    if (method.ok() && *method == AdaptMethod::kGiven) {
      status.Update(absl::InvalidArgumentError(
          "method: an adaptor is given as the body of PUT /collections/{collection}/adaptor"));
    } else if (method.ok()) {
      request.method = *method;
    } else {
      status.Update(absl::InvalidArgumentError(
          fmt::format("method: {}", std::string(method.status().message()))));
    }
  }
  if (const auto samples =
          fields.Integer("samples", AdaptRequest::kFewestSamples, AdaptRequest::kMostSamples)) {
    request.samples = static_cast<size_t>(*samples);
  }
  if (const auto seed = fields.Integer("seed", 0, kLargest)) {
    request.seed = static_cast<uint64_t>(*seed);
  }
  ReadTraining(fields, request);
  fields.Finish();
  return request;
}

Json WriteAdaptRequest(const AdaptRequest& request) {
  Json json = {{"vector", request.vector_name}, {"method", AdaptMethodName(request.method)}};
  if (request.method == AdaptMethod::kGiven) return json;
  json["samples"] = request.samples;
  json["seed"] = request.seed;
  const bool learns =
      request.method == AdaptMethod::kPrefixes || request.method == AdaptMethod::kPairs;
  if (learns) {
    json["temperature"] = request.temperature;
    json["steps"] = request.steps;
  }
  if (!request.widths.empty()) json["widths"] = request.widths;
  for (const AdaptPair& pair : request.pairs) json["pairs"].push_back(WritePair(pair));
  return json;
}

Json WriteAdaptJob(const AdaptJob& job) {
  Json json = {{"phase", AdaptPhaseName(job.phase)}};
  if (job.phase == AdaptPhase::kNone) return json;
  json["progress"] = job.progress;
  json["seconds"] = job.seconds;
  json["request"] = WriteAdaptRequest(job.request);
  if (job.request.method == AdaptMethod::kPairs) json["pairs"] = job.pairs;
  if (!job.made.empty()) json["made"] = job.made;
  if (!job.error.empty()) json["error"] = job.error;
  return json;
}

}  // namespace vecnest::net
