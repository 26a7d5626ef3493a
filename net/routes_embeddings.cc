// Routes in OpenAI's dialect.

#include <utility>

#include "net/codec_openai.h"
#include "net/service.h"

namespace vecnest::net {
namespace {

Response Reply(const Json& body) {
  Response response;
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

Response Fail(const absl::Status& status) { return ErrorResponse(status, Dialect::kOpenAi, 0); }

Route OpenAi(std::string method, std::string pattern, Lane lane,
             std::function<Response(const Request&)> handler) {
  Route route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.dialect = Dialect::kOpenAi;
  route.lane = lane;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

void Service::AddEmbeddingRoutes(std::vector<Route>& routes) {
  routes.push_back(
      OpenAi("POST", "/v1/embeddings", Lane::kWrite, [this](const Request& request) -> Response {
        const auto database_now = database();
        if (database_now == nullptr) return Fail(absl::UnavailableError("the database is closing"));
        auto body = engine::ParseJson(request.body, "request body");
        absl::Status status = body.status();
        EmbeddingsRequest wanted;
        if (status.ok()) wanted = ReadEmbeddingsRequest(*body, status);
        if (!status.ok()) return Fail(status);
        wanted.options.limits = request.limits;
        auto model = database_now->embedder().Model(wanted.options.model);
        if (!model.ok()) return Fail(model.status());
        const auto* texts = std::get_if<std::vector<std::string>>(&wanted.input);
        auto embeddings = texts != nullptr ? database_now->embedder().Embed(*texts, wanted.options)
                                           : database_now->embedder().EmbedTokens(
                                                 std::get<1>(wanted.input), wanted.options);
        if (!embeddings.ok()) return Fail(NameInput(embeddings.status()));
        const ModelUsage usage = UsageOf(wanted, *embeddings, *model);
        metrics_.CountTokens(usage.tokens);
        return Reply(WriteEmbeddings(*embeddings, usage, wanted.base64));
      }));
  routes.push_back(OpenAi("GET", "/v1/models", Lane::kQuery, [this](const Request&) -> Response {
    const auto database_now = database();
    if (database_now == nullptr) return Fail(absl::UnavailableError("the database is closing"));
    Json list = Json::array();
    for (const ModelInfo& model : database_now->embedder().Models()) {
      list.push_back(WriteModel(model));
    }
    return Reply({{"object", "list"}, {"data", std::move(list)}});
  }));
  routes.push_back(
      OpenAi("GET", "/v1/models/{model}", Lane::kQuery, [this](const Request& request) -> Response {
        const auto database_now = database();
        if (database_now == nullptr) return Fail(absl::UnavailableError("the database is closing"));
        auto model = database_now->embedder().Model(request.parameters.at("model"));
        if (!model.ok()) return Fail(model.status());
        return Reply(WriteModel(*model));
      }));
}

}  // namespace vecnest::net
