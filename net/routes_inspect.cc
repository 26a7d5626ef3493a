// Routes that look into a model.

#include <utility>

#include "net/codec_inspect.h"
#include "net/service.h"
#include "vecnest/inspection.h"

namespace vecnest::net {
namespace {

// Reads the body, makes the one call, writes the answer.
template <typename Wanted, typename Answer>
auto Inspecting(Wanted (*read)(const Json&, absl::Status&),
                absl::StatusOr<Answer> (*ask)(const Inspector&, const Wanted&),
                Json (*write)(const Answer&, const Wanted&)) {
  return [=](Database& database, const Request& request) -> absl::StatusOr<Json> {
    auto body = engine::ParseJson(request.body, "request body");
    absl::Status status = body.status();
    Wanted wanted;
    if (status.ok()) wanted = read(*body, status);
    if (!status.ok()) return status;
    wanted.inspect.limits = request.limits;
    auto answer = ask(database.embedder().inspector(), wanted);
    if (!answer.ok()) return answer.status();
    return write(*answer, wanted);
  };
}

// What all but a few answers are: nothing of the request decides how they are written.
template <typename Answer, typename Wanted>
Json Written(const Answer& answer, const Wanted& /*wanted*/) {
  return WriteAnswer(answer);
}

absl::StatusOr<TokensAnswer> AskTokens(const Inspector& inspector, const TokensRequest& wanted) {
  return inspector.Tokens(wanted.text, wanted.inspect);
}
Json WriteTokens(const TokensAnswer& answer, const TokensRequest& wanted) {
  return WriteAnswer(answer, wanted.rows);
}
absl::StatusOr<NeighborsAnswer> AskNeighbors(const Inspector& inspector,
                                             const NeighborsRequest& wanted) {
  return inspector.Neighbors(wanted.term, wanted.Options());
}
absl::StatusOr<LayersAnswer> AskLayers(const Inspector& inspector, const TokensRequest& wanted) {
  return inspector.Layers(wanted.text, wanted.inspect);
}
absl::StatusOr<ContextAnswer> AskContext(const Inspector& inspector, const ContextRequest& wanted) {
  return inspector.Context(wanted.word, wanted.sentences, wanted.inspect);
}
absl::StatusOr<ProjectionAnswer> AskProjection(const Inspector& inspector,
                                               const ProjectionRequest& wanted) {
  return inspector.Projection(
      wanted.text, {.inspect = wanted.inspect, .all_positions = wanted.all, .limit = wanted.limit});
}
absl::StatusOr<RareTokensReport> AskRareTokens(const Inspector& inspector,
                                               const RareTokensRequest& wanted) {
  size_t next = 0;
  const auto give = [&]() -> absl::StatusOr<std::optional<std::string>> {
    if (next == wanted.texts.size()) return std::nullopt;
    return wanted.texts[next++];
  };
  return inspector.RareTokens(give, {wanted.inspect, wanted.limit, wanted.least_count});
}
absl::StatusOr<Json> AskAnalogy(const Inspector& inspector, const AnalogyRequest& wanted) {
  if (wanted.candidates.empty()) {
    auto answer = inspector.Analogy(wanted.a, wanted.b, wanted.c, wanted.Options());
    if (!answer.ok()) return answer.status();
    return WriteAnswer(*answer);
  }
  auto answer =
      inspector.TextAnalogy(wanted.a, wanted.b, wanted.c, wanted.candidates, wanted.Options());
  if (!answer.ok()) return answer.status();
  return WriteAnswer(*answer);
}
Json AsItIs(const Json& answer, const AnalogyRequest& /*wanted*/) { return answer; }

}  // namespace

void Service::AddInspectRoutes(std::vector<Route>& routes) {
  const auto add = [&](const std::string& what, OpenAiHandler handler) {
    routes.push_back(OpenAi("POST", "/v1/inspect/" + what, Lane::kWrite, std::move(handler)));
  };
  add("tokens", Inspecting(ReadTokensRequest, AskTokens, WriteTokens));
  add("neighbors",
      Inspecting(ReadNeighborsRequest, AskNeighbors, Written<NeighborsAnswer, NeighborsRequest>));
  add("analogy", Inspecting(ReadAnalogyRequest, AskAnalogy, AsItIs));
  add("layers", Inspecting(ReadLayersRequest, AskLayers, Written<LayersAnswer, TokensRequest>));
  add("context",
      Inspecting(ReadContextRequest, AskContext, Written<ContextAnswer, ContextRequest>));
  add("projection", Inspecting(ReadProjectionRequest, AskProjection,
                               Written<ProjectionAnswer, ProjectionRequest>));
  add("rare-tokens", Inspecting(ReadRareTokensRequest, AskRareTokens,
                                Written<RareTokensReport, RareTokensRequest>));
}

}  // namespace vecnest::net
