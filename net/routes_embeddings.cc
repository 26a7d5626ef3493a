// Routes in OpenAI's dialect.

#include <utility>

#include "net/codec_openai.h"
#include "net/service.h"

namespace vecnest::net {

void Service::AddEmbeddingRoutes(std::vector<Route>& routes) {
  routes.push_back(OpenAi(
      "POST", "/v1/embeddings", Lane::kWrite,
      [this](Database& database, const Request& request) -> absl::StatusOr<Json> {
        auto body = engine::ParseJson(request.body, "request body");
        absl::Status status = body.status();
        EmbeddingsRequest wanted;
        if (status.ok()) wanted = ReadEmbeddingsRequest(*body, status);
        if (!status.ok()) return status;
        wanted.options.limits = request.limits;
        const TextEmbedder& embedder = database.embedder();
        auto model = embedder.Model(wanted.options.model);
        if (!model.ok()) return model.status();
        const auto* texts = std::get_if<std::vector<std::string>>(&wanted.input);
        auto embeddings = texts != nullptr
                              ? embedder.Embed(*texts, wanted.options)
                              : embedder.EmbedTokens(std::get<1>(wanted.input), wanted.options);
        if (!embeddings.ok()) return NameInput(embeddings.status());
        const ModelUsage usage = UsageOf(wanted, *embeddings, *model);
        metrics_.CountTokens(usage.tokens);
        return WriteEmbeddings(*embeddings, usage, wanted.base64);
      }));
  routes.push_back(OpenAi("GET", "/v1/models", Lane::kQuery,
                          [](Database& database, const Request&) -> absl::StatusOr<Json> {
                            Json list = Json::array();
                            for (const ModelInfo& model : database.embedder().Models()) {
                              list.push_back(WriteModel(model));
                            }
                            return Json{{"object", "list"}, {"data", std::move(list)}};
                          }));
  routes.push_back(OpenAi("GET", "/v1/models/{model}", Lane::kQuery,
                          [](Database& database, const Request& request) -> absl::StatusOr<Json> {
                            auto model = database.embedder().Model(request.parameters.at("model"));
                            if (!model.ok()) return model.status();
                            return WriteModel(*model);
                          }));
}

}  // namespace vecnest::net
