// A server's collection as what negatives are mined from.

#include <utility>

#include "engine/payload.h"
#include "fmt/format.h"
#include "net/cli/mining.h"
#include "net/codec_filter.h"
#include "net/http_client.h"
#include "net/json_fields.h"

namespace vecnest::cli {
namespace {

using engine::Json;

constexpr size_t kDocumentsPerPage = 1000;

class ServerSource final : public MiningSource {
 public:
  ServerSource(std::unique_ptr<net::HttpClient> client, const std::string& collection,
               std::string field, engine::PayloadPath path, std::string vector_name, int dimensions)
      : client_(std::move(client)),
        points_(fmt::format("/collections/{}/points", net::EncodePathPart(collection))),
        field_(std::move(field)),
        path_(std::move(path)),
        vector_name_(std::move(vector_name)),
        dimensions_(dimensions) {}

  absl::StatusOr<uint64_t> CountDocuments() override {
    const Json body = Json::object();
    auto counted = client_->Call("POST", points_ + "/count", &body);
    if (!counted.ok()) return counted.status();
    absl::Status status;
    net::JsonFields fields(*counted, "result", status);
    const auto count = fields.Integer("count", 0, std::numeric_limits<int64_t>::max());
    if (!status.ok()) return Strange(status);
    return static_cast<uint64_t>(count.value_or(0));
  }

  absl::StatusOr<std::vector<Document>> NextDocuments() override {
    if (at_end_) return std::vector<Document>();
    Json body = {{"limit", kDocumentsPerPage}, {"with_payload", {field_}}};
    if (!next_.is_null()) body["offset"] = next_;
    auto page = client_->Call("POST", points_ + "/scroll", &body);
    if (!page.ok()) return page.status();
    next_ = page->is_object() ? page->value("next_page_offset", Json()) : Json();
    at_end_ = next_.is_null();
    absl::Status status;
    net::JsonFields fields(*page, "result", status);
    const Json* points = fields.Require("points");
    if (!status.ok()) return Strange(status);
    return ToDocuments(*points);
  }

  absl::StatusOr<std::vector<Document>> FindDocuments(const std::vector<PointId>& ids) override {
    if (ids.empty()) return std::vector<Document>();
    Json body = {{"ids", WriteIds(ids)}, {"with_payload", {field_}}};
    auto points = client_->Call("POST", points_, &body);
    if (!points.ok()) return points.status();
    return ToDocuments(*points);
  }

  absl::StatusOr<std::vector<std::vector<Neighbor>>> FindNearest(
      const std::vector<Question>& questions) override {
    std::vector<std::vector<Neighbor>> nearest;
    if (questions.empty()) return nearest;
    Json body = {{"searches", Json::array()}};
    for (const Question& question : questions) body["searches"].push_back(ToSearch(question));
    auto answers = client_->Call("POST", points_ + "/query/batch", &body);
    if (!answers.ok()) return answers.status();
    absl::Status status;
    if (!answers->is_array() || answers->size() != questions.size()) {
      return Strange(net::WrongType("result", "as many answers as searches", *answers));
    }
    for (const Json& answer : *answers) {
      net::JsonFields fields(answer, "answer", status);
      const Json* points = fields.Require("points");
      if (!status.ok()) return Strange(status);
      std::vector<Neighbor> neighbors;
      for (const Json& point : *points) {
        net::JsonFields of_point(point, "point", status);
        const Json* id = of_point.Require("id");
        const auto score = of_point.Number("score");
        if (id == nullptr || !score) return Strange(status);
        const auto read = net::ReadPointId(*id, "id", status);
        if (!read) return Strange(status);
        neighbors.push_back({*read, static_cast<float>(*score)});
      }
      nearest.push_back(std::move(neighbors));
    }
    return nearest;
  }

 private:
  static absl::Status Strange(const absl::Status& status) {
    return absl::InternalError(
        fmt::format("the server's answer: {}", std::string(status.message())));
  }

  static Json WriteIds(const std::vector<PointId>& ids) {
    Json list = Json::array();
    for (const PointId& id : ids) list.push_back(net::WritePointId(id));
    return list;
  }

  Json ToSearch(const Question& question) const {
    Json search = {{"query", {{"text", question.query}}},
                   {"limit", question.limit},
                   {"params", {{"metric", "Cosine"}}}};
    if (!vector_name_.empty()) search["using"] = vector_name_;
    if (dimensions_ > 0) search["params"]["dimensions"] = dimensions_;
    if (!question.among.empty()) {
      search["filter"] = {{"must", {{{"has_id", WriteIds(question.among)}}}}};
    }
    return search;
  }

  absl::StatusOr<std::vector<Document>> ToDocuments(const Json& points) const {
    std::vector<Document> documents;
    absl::Status status;
    for (const Json& point : points) {
      net::JsonFields fields(point, "point", status);
      const Json* id = fields.Require("id");
      const auto read = id == nullptr ? std::nullopt : net::ReadPointId(*id, "id", status);
      if (!read) return Strange(status);
      Document document{*read, std::nullopt};
      if (const Json* payload = fields.Find("payload")) {
        document.text = engine::FirstText(path_, *payload);
      }
      documents.push_back(std::move(document));
    }
    return documents;
  }

  const std::unique_ptr<net::HttpClient> client_;
  const std::string points_;
  const std::string field_;
  const engine::PayloadPath path_;
  const std::string vector_name_;
  const int dimensions_;
  Json next_;
  bool at_end_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MiningSource>> ServerTexts(
    const std::string& url, const std::string& api_key, const std::string& collection,
    const std::string& field, const std::string& vector_name, int dimensions) {
  auto path = engine::PayloadPath::Parse(field);
  if (!path.ok()) return path.status();
  auto client = net::HttpClient::Create(url, api_key);
  if (!client.ok()) return client.status();
  return std::make_unique<ServerSource>(*std::move(client), collection, field, *std::move(path),
                                        vector_name, dimensions);
}

}  // namespace vecnest::cli
