#include "net/codec_query.h"

#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_usage.h"
#include "net/json_text.h"

namespace vecnest::net {
namespace {

constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();
constexpr double kMaxOversampling = 1000;
constexpr double kLeastRecall = 0.01;

// Reads {"searches": [...]} with `read` for each element.
template <typename Read>
std::vector<Query> ReadSearches(const Json& body, Read read, absl::Status& status) {
  JsonFields fields(body, "", status);
  const Json* list = fields.Require("searches");
  fields.Finish();
  std::vector<Query> queries;
  if (list == nullptr) return queries;
  if (!list->is_array()) status.Update(WrongType("searches", "a list", *list));
  for (size_t i = 0; status.ok() && i < list->size(); ++i) {
    queries.push_back(read((*list)[i], ElementPath("searches", i), status));
  }
  return queries;
}

// How many candidates are ranked by their vectors. Qdrant's words: "ignore" leaves out codes
// altogether, no "rescore" ranks just as many as are wanted, "oversampling" a multiple of those.
void ReadQuantization(const Json& value, const std::string& path, Query& query,
                      absl::Status& status) {
  JsonFields fields(value, path, status);
  const bool ignore = fields.Bool("ignore").value_or(false);
  const bool rescore = fields.Bool("rescore").value_or(true);
  const double oversampling = fields.Number("oversampling").value_or(0);
  fields.Finish();
  if (oversampling != 0 && !(oversampling >= 1 && oversampling <= kMaxOversampling)) {
    status.Update(absl::InvalidArgumentError(fmt::format("{}: {}, expected 1 to {}",
                                                         fields.PathOf("oversampling"),
                                                         oversampling, kMaxOversampling)));
    return;
  }
  query.oversampling = oversampling;
  if (!rescore) query.oversampling = 1;
  if (ignore) query.oversampling = std::numeric_limits<double>::infinity();
}

void ReadParams(const Json& value, const std::string& path, Query& query, absl::Status& status) {
  JsonFields params(value, path, status);
  query.hnsw_ef = static_cast<size_t>(params.Integer("hnsw_ef", 0, kMaxCount).value_or(0));
  query.exact = params.Bool("exact").value_or(false);
  query.dimensions = static_cast<int>(params.Integer("dimensions", 1, kMaxCount).value_or(0));
  query.explain = params.Bool("explain").value_or(false);
  if (const auto name = params.String("metric")) {
    auto metric = ParseMetric(*name);
    if (metric.ok()) {
      query.metric = *metric;
    } else {
      status.Update(absl::InvalidArgumentError(
          fmt::format("{}: {}", params.PathOf("metric"), std::string(metric.status().message()))));
    }
  }
  if (const auto recall = params.Number("recall")) {
    if (*recall >= kLeastRecall && *recall <= 1) {
      query.recall = static_cast<float>(*recall);
    } else {
      status.Update(absl::InvalidArgumentError(
          fmt::format("{}: {}, expected {} to 1", params.PathOf("recall"), *recall, kLeastRecall)));
    }
  }
  if (const Json* quantization = params.Find("quantization")) {
    ReadQuantization(*quantization, params.PathOf("quantization"), query, status);
  }
  // Filters keep their recall without being told how, and unindexed points are few.
  params.Ignore({"indexed_only", "acorn"});
  params.Finish();
}

// What stands under "query": a vector, an id, a text, or {"nearest": one of these}.
void ReadNearest(const Json& value, const std::string& path, Query& query, absl::Status& status) {
  if (value.is_number() || value.is_string()) {
    if (auto id = ReadPointId(value, path, status)) query.nearest = *id;
    return;
  }
  if (value.is_object() && !IsInputObject(value)) {
    JsonFields fields(value, path, status);
    fields.Refuse({"recommend", "discover", "context", "order_by", "fusion", "rrf", "formula",
                   "sample", "mmr", "indices", "image", "object", "relevance_feedback"});
    const Json* nearest = fields.Require("nearest");
    fields.Finish();
    if (nearest != nullptr && status.ok()) {
      if (nearest->is_object() && nearest->contains("nearest")) {
        status = WrongType(fields.PathOf("nearest"), "a vector, a point id or a text", *nearest);
        return;
      }
      ReadNearest(*nearest, fields.PathOf("nearest"), query, status);
    }
    return;
  }
  VectorInput input = ReadVectorInput(value, path, status);
  if (auto* text = std::get_if<Text>(&input)) {
    query.nearest = std::move(*text);
  } else {
    query.nearest = std::move(std::get<std::vector<float>>(input));
  }
}

// What queries and searches have in common.
void ReadCommon(JsonFields& fields, Query& query, bool payload_by_default) {
  absl::Status& status = fields.status();
  if (const Json* filter = fields.Find("filter")) {
    query.filter = ReadFilter(*filter, fields.PathOf("filter"), status);
  }
  if (const Json* params = fields.Find("params")) {
    ReadParams(*params, fields.PathOf("params"), query, status);
  }
  query.offset = static_cast<size_t>(fields.Integer("offset", 0, kMaxCount).value_or(0));
  if (const auto threshold = fields.Number("score_threshold")) {
    query.score_threshold = static_cast<float>(*threshold);
  }
  query.with_payload = ReadPayloadSelector(
      fields.Find("with_payload"), fields.PathOf("with_payload"), payload_by_default, status);
  // Clients in other languages write the plural.
  const Json* vectors = fields.Find("with_vector");
  const Json* plural = fields.Find("with_vectors");
  query.with_vectors = ReadVectorSelector(vectors != nullptr ? vectors : plural,
                                          fields.PathOf("with_vector"), status);
  fields.Refuse({"shard_key"});
}

Json WritePlan(const QueryPlan& plan) {
  Json out = {{"metric", MetricName(plan.metric)},
              {"dimensions", plan.dimensions},
              {"renormalized", plan.renormalized},
              {"strategy", plan.strategy},
              {"exact", plan.exact},
              {"segments", plan.segments},
              {"hnsw_ef", plan.hnsw_ef},
              {"candidates", plan.candidates},
              {"distances", plan.distances},
              {"time",
               {{"embed", plan.embed_seconds},
                {"filter", plan.filter_seconds},
                {"search", plan.search_seconds},
                {"fetch", plan.fetch_seconds}}}};
  if (plan.filter_matches) {
    out["filter_matches"] = *plan.filter_matches;
    out["filter_indexed"] = plan.filter_indexed;
    out["filter_unindexed"] = plan.filter_unindexed;
    out["filter_payloads"] = plan.filter_payloads;
  }
  return out;
}

}  // namespace

Query ReadQuery(const Json& body, std::string_view path, absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  Query query;
  if (const Json* nearest = fields.Find("query")) {
    ReadNearest(*nearest, fields.PathOf("query"), query, status);
  }
  query.vector_name = fields.String("using").value_or("");
  query.limit = static_cast<size_t>(fields.Integer("limit", 1, kMaxCount).value_or(10));
  ReadCommon(fields, query, /*payload_by_default=*/false);
  fields.Refuse({"prefetch", "lookup_from"});
  fields.Finish();
  return query;
}

std::vector<Query> ReadQueryBatch(const Json& body, absl::Status& status) {
  return ReadSearches(body, ReadQuery, status);
}

Query ReadSearch(const Json& body, std::string_view path, absl::Status& status) {
  JsonFields fields(body, std::string(path), status);
  Query query;
  if (const Json* vector = fields.Require("vector")) {
    const bool named = vector->is_object() && vector->contains("name");
    if (named) {
      JsonFields inner(*vector, fields.PathOf("vector"), status);
      query.vector_name = inner.String("name").value_or("");
      if (const Json* values = inner.Require("vector")) {
        ReadNearest(*values, inner.PathOf("vector"), query, status);
      }
      inner.Finish();
    } else {
      ReadNearest(*vector, fields.PathOf("vector"), query, status);
    }
  }
  fields.Require("limit");
  query.limit = static_cast<size_t>(fields.Integer("limit", 1, kMaxCount).value_or(10));
  ReadCommon(fields, query, /*payload_by_default=*/false);
  fields.Finish();
  return query;
}

std::vector<Query> ReadSearchBatch(const Json& body, absl::Status& status) {
  return ReadSearches(body, ReadSearch, status);
}

void AppendFound(const QueryAnswer& answer, const UnitLength& unit_length, std::string& text) {
  AppendList(
      answer.points,
      [&](const ScoredPoint& point, std::string& to) { AppendScoredPoint(point, unit_length, to); },
      text);
}

void AppendAnswer(const QueryAnswer& answer, const UnitLength& unit_length, std::string& text) {
  text += '{';
  if (answer.plan) text += R"("plan":)" + Dump(WritePlan(*answer.plan)) + ',';
  text += R"("points":)";
  AppendFound(answer, unit_length, text);
  if (answer.usage) text += R"(,"text":)" + Dump(WriteTextUsage(*answer.usage));
  text += '}';
}

}  // namespace vecnest::net
