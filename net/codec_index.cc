#include "net/codec_index.h"

#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"

namespace vecnest::net {
namespace {

constexpr int64_t kMaxFacets = 100'000;

}  // namespace

IndexRequest ReadIndexRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  IndexRequest request;
  fields.Require("field_name");
  request.field = fields.String("field_name").value_or("");
  const Json* schema = fields.Require("field_schema");
  fields.Finish();
  if (schema == nullptr || !status.ok()) return request;
  const Json* type = schema;
  if (schema->is_object()) {
    const auto found = schema->find("type");
    if (found == schema->end()) {
      status = absl::InvalidArgumentError("field_schema.type: is missing");
      return request;
    }
    type = &*found;
    request.config.params = schema->dump();
  }
  if (!type->is_string()) {
    status = WrongType("field_schema", "a type or an object with a type", *schema);
    return request;
  }
  auto parsed = ParsePayloadIndexType(type->get_ref<const std::string&>());
  if (parsed.ok()) {
    request.config.type = *parsed;
  } else {
    status = absl::InvalidArgumentError(
        fmt::format("field_schema: {}", std::string(parsed.status().message())));
  }
  return request;
}

FacetRequest ReadFacetRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  FacetRequest request;
  fields.Require("key");
  request.key = fields.String("key").value_or("");
  request.limit = static_cast<size_t>(fields.Integer("limit", 1, kMaxFacets).value_or(10));
  if (const Json* filter = fields.Find("filter")) {
    request.filter = ReadFilter(*filter, "filter", status);
  }
  fields.Bool("exact");  // counts are always exact
  fields.Refuse({"shard_key"});
  fields.Finish();
  return request;
}

Json WriteFacetHits(const std::vector<FacetHit>& hits) {
  Json list = Json::array();
  for (const FacetHit& hit : hits) {
    Json value = std::visit([](const auto& one) { return Json(one); }, hit.value);
    list.push_back({{"value", std::move(value)}, {"count", hit.count}});
  }
  return {{"hits", std::move(list)}};
}

Json WritePayloadSchema(const std::map<std::string, PayloadIndexInfo>& indexes) {
  Json schema = Json::object();
  for (const auto& [field, index] : indexes) {
    Json& entry = schema[field];
    entry = {{"data_type", PayloadIndexTypeName(index.config.type)}, {"points", index.points}};
    Json params = Json::parse(index.config.params);
    if (!params.empty()) entry["params"] = std::move(params);
  }
  return schema;
}

}  // namespace vecnest::net
