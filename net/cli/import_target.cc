#include "net/cli/import_target.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_usage.h"
#include "net/http_client.h"

namespace vecnest::cli {
namespace {

using engine::Json;

// The width of the point's unnamed vector; 0 when it is a text.
absl::StatusOr<int> WidthOf(const Point& point) {
  const auto found = point.vectors.find("");
  if (found == point.vectors.end()) {
    return absl::FailedPreconditionError(
        "the collection does not exist and cannot be made from named vectors; create it first");
  }
  const auto* vector = std::get_if<std::vector<float>>(&found->second);
  return vector == nullptr ? 0 : static_cast<int>(vector->size());
}

class DirectoryTarget final : public ImportTarget {
 public:
  explicit DirectoryTarget(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  absl::StatusOr<std::string> CollectionIdentity(const std::string& collection) override {
    if (!database_->HasCollection(collection)) return std::string();
    auto info = database_->DescribeCollection(collection);
    if (!info.ok()) return info.status();
    if (!info->error.empty()) return absl::DataLossError(info->error);
    return info->uuid;
  }

  absl::Status EnsureCollection(const std::string& collection, Metric metric,
                                const Point& first) override {
    if (database_->HasCollection(collection)) return absl::OkStatus();
    auto width = WidthOf(first);
    if (!width.ok()) return width.status();
    if (*width == 0) {
      const auto& text = std::get<Text>(first.vectors.at(""));
      auto model = database_->embedder().Model(text.model);
      if (!model.ok()) return model.status();
      width = model->dimensions;
    }
    CollectionConfig config;
    config.vectors[""] = {*width, metric, {}};
    return database_->CreateCollection(collection, config);
  }

  absl::StatusOr<ImportedBatch> Upsert(const std::string& collection,
                                       const std::vector<Point>& points) override {
    auto result = database_->Upsert(collection, points);
    if (!result.ok()) return result.status();
    return ImportedBatch{result->affected - result->removed_chunks, std::move(result->usage)};
  }

  absl::StatusOr<int> MostTokens() override {
    int most = 0;
    for (const ModelInfo& model : database_->embedder().Models()) {
      most = std::max(most, model.max_tokens);
    }
    return most;
  }

  absl::Status Finish(const std::string& collection) override {
    return database_->Optimize(collection);
  }

 private:
  const std::unique_ptr<Database> database_;
};

Json ToJson(const VectorInput& input) {
  if (const auto* text = std::get_if<Text>(&input)) {
    Json json = {{"text", text->text}, {"model", text->model}};
    if (text->prefix) json["options"] = {{"prefix", *text->prefix}};
    if (!text->truncate) json["truncate"] = false;
    if (const auto& chunk = text->chunk) {
      json["chunk"] = {{"max_tokens", chunk->max_tokens}, {"overlap", chunk->overlap}};
    }
    return json;
  }
  return std::get<std::vector<float>>(input);
}

Json ToJson(const Point& point) {
  Json vector = Json::object();
  for (const auto& [name, input] : point.vectors) vector[name] = ToJson(input);
  if (point.vectors.size() == 1 && point.vectors.contains("")) {
    vector = ToJson(point.vectors.at(""));
  }
  return {{"id", net::WritePointId(point.id)},
          {"vector", std::move(vector)},
          {"payload", Json::parse(point.payload)}};
}

class ServerTarget final : public ImportTarget {
 public:
  ServerTarget(std::unique_ptr<net::HttpClient> client, std::string model)
      : client_(std::move(client)), model_(std::move(model)) {}

  absl::StatusOr<std::string> CollectionIdentity(const std::string& collection) override {
    auto answer = client_->Call("GET", PathOf(collection), nullptr);
    if (absl::IsNotFound(answer.status())) return std::string();
    if (!answer.ok()) return answer.status();
    const Json::json_pointer place("/vecnest/uuid");
    if (answer->contains(place) && answer->at(place).is_string()) {
      return answer->at(place).get<std::string>();
    }
    return absl::FailedPreconditionError("the server does not answer as a Vecnest server does");
  }

  absl::Status EnsureCollection(const std::string& collection, Metric metric,
                                const Point& first) override {
    auto identity = CollectionIdentity(collection);
    if (!identity.ok()) return identity.status();
    if (!identity->empty()) return absl::OkStatus();
    auto width = WidthOf(first);
    if (!width.ok()) return width.status();
    if (*width == 0) {
      width = ModelWidth();
      if (!width.ok()) return width.status();
    }
    const Json body = {{"vectors", {{"size", *width}, {"distance", MetricName(metric)}}}};
    const absl::Status status = client_->Call("PUT", PathOf(collection), &body).status();
    // Made by another importer, or by this one when the answer was lost.
    return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
  }

  absl::StatusOr<ImportedBatch> Upsert(const std::string& collection,
                                       const std::vector<Point>& points) override {
    Json list = Json::array();
    for (const Point& point : points) list.push_back(ToJson(point));
    const Json body = {{"points", std::move(list)}};
    auto answer = client_->CallForAll("PUT", PathOf(collection) + "/points?wait=true", &body);
    if (!answer.ok()) return answer.status();
    ImportedBatch batch;
    const Json::json_pointer written("/result/points");
    const bool counted = answer->is_object() && answer->contains(written) &&
                         answer->at(written).is_number_unsigned();
    batch.points = counted ? answer->at(written).get<uint64_t>() : points.size();
    if (answer->contains("usage")) batch.usage = net::ReadUsage(answer->at("usage"));
    return batch;
  }

  absl::StatusOr<int> MostTokens() override {
    auto models = client_->Call("GET", "/v1/models", nullptr);
    if (!models.ok()) return models.status();
    int most = 0;
    for (const Json& model : (*models)["data"]) most = std::max(most, model.value("max_tokens", 0));
    return most;
  }

  absl::Status Finish(const std::string&) override { return absl::OkStatus(); }

 private:
  static std::string PathOf(const std::string& collection) {
    return "/collections/" + net::EncodePathPart(collection);
  }

  absl::StatusOr<int> ModelWidth() {
    auto models = client_->Call("GET", "/v1/models", nullptr);
    if (!models.ok()) return models.status();
    for (const Json& model : (*models)["data"]) {
      if (model_.empty() || model.value("id", "") == model_) return model.value("dimensions", 0);
    }
    return absl::FailedPreconditionError(
        model_.empty() ? "the server has no model loaded, so it takes no texts"
                       : fmt::format("the server has not loaded model '{}'", model_));
  }

  const std::unique_ptr<net::HttpClient> client_;
  const std::string model_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImportTarget>> OpenDirectoryTarget(const std::string& directory,
                                                                  const ModelFlags& models) {
  auto database = OpenDatabase(directory, models, /*models_required=*/false, /*must_exist=*/false);
  if (!database.ok()) return database.status();
  return std::make_unique<DirectoryTarget>(*std::move(database));
}

absl::StatusOr<std::unique_ptr<ImportTarget>> OpenServerTarget(const std::string& url,
                                                               const std::string& api_key,
                                                               const std::string& model) {
  auto client = net::HttpClient::Create(url, api_key);
  if (!client.ok()) return client.status();
  return std::make_unique<ServerTarget>(*std::move(client), model);
}

}  // namespace vecnest::cli
