#include "engine/inspection/model_inspector.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "embedder/architecture.h"
#include "embedder/inspection/hidden_layers.h"
#include "embedder/inspection/nearest_rows.h"
#include "embedder/inspection/table_terms.h"
#include "embedder/inspection/token_scores.h"
#include "embedder/inspection/vectors.h"
#include "embedder/inspection/word_context.h"
#include "embedder/tokenizer.h"
#include "embedder/utf8.h"
#include "engine/conversions.h"
#include "engine/inspection/named_tokens.h"
#include "engine/inspection/reports.h"
#include "engine/models.h"
#include "engine/refused_text.h"
#include "engine/stopwatch.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

using embedder::Encoder;

embedder::EncodeOptions ToEncodeOptions(const InspectOptions& options) {
  embedder::EncodeOptions to;
  to.type = ToTextType(options.type);
  to.prefix = options.prefix;
  to.truncate = false;
  return to;
}

embedder::CallControl ControlOf(const InspectOptions& options,
                                embedder::Priority priority = embedder::Priority::kUrgent) {
  return ToControl(priority, options.limits);
}

absl::Status CheckLimit(size_t limit) {
  if (limit >= 1 && limit <= kMostNeighbors) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("limit: {}, expected 1 to {}", limit, kMostNeighbors));
}

// Of a text that was given under this name: the model reads something in it.
absl::Status ExpectWords(const Encoder& encoder, std::string_view name, std::string_view text) {
  if (text.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}: must not be empty", name));
  }
  // What is no text is refused where it is read.
  if (embedder::FindInvalidUtf8(text)) return absl::OkStatus();
  std::vector<int32_t> first;
  encoder.parts().tokenizer->Tokenize(text, 1, &first);
  if (!first.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: has nothing in it that {} reads", name, encoder.info().name));
}

// The error of a call with texts of these names: that of the text which the model refuses, if it is
// one's.
absl::Status NameRefused(const Encoder& encoder, const InspectOptions& options,
                         absl::Span<const std::string_view> texts,
                         const std::vector<std::string>& names, const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  const auto refused = FindRefused(encoder, ToEncodeOptions(options), texts);
  if (!refused) return status;
  return absl::InvalidArgumentError(fmt::format("{}: {}", names[refused->index], refused->reason));
}

// The tokens of one text; not empty.
absl::StatusOr<embedder::TokenBatch> ReadText(const Encoder& encoder, const std::string& text,
                                              const InspectOptions& options) {
  if (auto status = ExpectWords(encoder, "text", text); !status.ok()) return status;
  const std::string_view view = text;
  auto batch = encoder.Tokenize({&view, 1}, ToEncodeOptions(options));
  if (!batch.ok()) return NameRefused(encoder, options, {&view, 1}, {"text"}, batch.status());
  if (batch->ids.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("text: has nothing in it that {} reads", encoder.info().name));
  }
  if (batch->ids.size() > kMostInspectedTokens) {
    return absl::InvalidArgumentError(fmt::format("text: {} tokens, expected at most {}",
                                                  batch->ids.size(), kMostInspectedTokens));
  }
  return batch;
}

std::vector<TokenNeighbor> NameRows(const Encoder& encoder,
                                    const std::vector<embedder::ScoredRow>& rows) {
  const embedder::Architecture& architecture = *encoder.parts().architecture;
  std::vector<float> values(architecture.shape().width);
  std::vector<TokenNeighbor> neighbors;
  neighbors.reserve(rows.size());
  for (const embedder::ScoredRow& row : rows) {
    const auto id = static_cast<int32_t>(row.row);
    architecture.TokenRow(id, values.data());
    neighbors.push_back(
        {NameToken(encoder, id), row.cosine, embedder::Norm(values.data(), values.size())});
  }
  return neighbors;
}

absl::StatusOr<std::vector<TokenNeighbor>> NearestTokens(const Encoder& encoder,
                                                         const embedder::RowQuery& query,
                                                         const NeighborOptions& options) {
  if (auto status = CheckLimit(options.limit); !status.ok()) return status;
  const auto table = embedder::TokenTable(encoder, 0, options.special);
  auto nearest =
      embedder::NearestRows(table, {&query, 1}, options.limit, ControlOf(options.inspect), nullptr);
  if (!nearest.ok()) return nearest.status();
  return NameRows(encoder, nearest->front());
}

ContextLayer ToContextLayer(const std::vector<double>& cosines, size_t sentences, double baseline) {
  ContextLayer layer;
  layer.baseline = baseline;
  for (size_t a = 0; a < sentences; ++a) {
    const auto row = cosines.begin() + static_cast<ptrdiff_t>(a * sentences);
    layer.cosines.emplace_back(row, row + static_cast<ptrdiff_t>(sentences));
    for (size_t b = 0; b < sentences; ++b) {
      if (a != b) layer.mean += layer.cosines[a][b];
    }
  }
  layer.mean /= static_cast<double>(sentences * (sentences - 1));
  return layer;
}

}  // namespace

absl::StatusOr<TokensAnswer> ModelInspector::Tokens(const std::string& text,
                                                    const InspectOptions& options) const {
  auto encoder = models_.Resolve(options.model);
  if (!encoder.ok()) return encoder.status();
  auto batch = ReadText(**encoder, text, options);
  if (!batch.ok()) return batch.status();
  const embedder::Architecture& architecture = *(*encoder)->parts().architecture;
  const embedder::Architecture::Shape& shape = architecture.shape();
  TokensAnswer answer;
  answer.model = NameModel(**encoder);
  for (const int32_t id : batch->ids) {
    InspectedToken token = {NameToken(**encoder, id), 0, std::vector<float>(shape.width)};
    architecture.TokenRow(id, token.row.data());
    token.norm = embedder::Norm(token.row.data(), shape.width);
    answer.tokens.push_back(std::move(token));
  }
  answer.table = {.tokens = shape.vocabulary,
                  .rows = shape.token_rows,
                  .width = shape.width,
                  .parameters = uint64_t{shape.token_rows} * shape.width,
                  .bytes = shape.token_table_bytes,
                  .model_bytes = (*encoder)->info().mapped_bytes};
  return answer;
}

absl::StatusOr<NeighborsAnswer> ModelInspector::Neighbors(const std::string& term,
                                                          const NeighborOptions& options) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  auto found = embedder::FindTerm(**encoder, term);
  if (!found.ok()) return found.status();
  const embedder::RowQuery query = {std::move(found->vector),
                                    {found->ids.begin(), found->ids.end()}};
  auto neighbors = NearestTokens(**encoder, query, options);
  if (!neighbors.ok()) return neighbors.status();
  return NeighborsAnswer{
      NameModel(**encoder), {term, NameTokens(**encoder, found->ids)}, *std::move(neighbors)};
}

absl::StatusOr<AnalogyAnswer> ModelInspector::Analogy(const std::string& a, const std::string& b,
                                                      const std::string& c,
                                                      const NeighborOptions& options) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  AnalogyAnswer answer;
  answer.model = NameModel(**encoder);
  std::vector<std::vector<float>> vectors;
  embedder::RowQuery query;
  for (const std::string* term : {&a, &b, &c}) {
    auto found = embedder::FindTerm(**encoder, *term);
    if (!found.ok()) return found.status();
    query.leave_out.insert(query.leave_out.end(), found->ids.begin(), found->ids.end());
    answer.terms.push_back({*term, NameTokens(**encoder, found->ids)});
    vectors.push_back(std::move(found->vector));
  }
  query.vector = embedder::AnalogyVector(vectors[0].data(), vectors[1].data(), vectors[2].data(),
                                         vectors[0].size());
  auto nearest = NearestTokens(**encoder, query, options);
  if (!nearest.ok()) return nearest.status();
  answer.nearest = *std::move(nearest);
  return answer;
}

absl::StatusOr<TextAnalogyAnswer> ModelInspector::TextAnalogy(
    const std::string& a, const std::string& b, const std::string& c,
    const std::vector<std::string>& candidates, const NeighborOptions& options) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  if (auto status = CheckLimit(options.limit); !status.ok()) return status;
  if (candidates.empty()) {
    return absl::InvalidArgumentError("candidates: texts to choose an answer from are needed");
  }
  std::vector<std::string> names = {"a", "b", "c"};
  std::vector<std::string_view> texts = {a, b, c};
  for (size_t i = 0; i < texts.size(); ++i) {
    if (auto status = ExpectWords(**encoder, names[i], texts[i]); !status.ok()) return status;
  }
  for (size_t i = 0; i < candidates.size(); ++i) names.push_back(fmt::format("candidates[{}]", i));
  texts.insert(texts.end(), candidates.begin(), candidates.end());
  // Hundreds of texts are not to hold up somebody's question.
  const auto control = ControlOf(options.inspect, embedder::Priority::kBulk);
  auto encodings = models_.Encode(**encoder, texts, ToEncodeOptions(options.inspect), control);
  if (!encodings.ok()) {
    return NameRefused(**encoder, options.inspect, texts, names, encodings.status());
  }
  const auto width = static_cast<size_t>((*encoder)->info().dimensions);
  std::vector<float> rows;
  for (const embedder::Encoding& encoding : *encodings) {
    rows.insert(rows.end(), encoding.vector.begin(), encoding.vector.end());
  }
  const auto source = embedder::MatrixRows(absl::MakeConstSpan(rows).subspan(3 * width), width);
  embedder::RowQuery query = {
      embedder::AnalogyVector(rows.data(), rows.data() + width, rows.data() + 2 * width, width),
      {}};
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i] == a || candidates[i] == b || candidates[i] == c)
      query.leave_out.push_back(i);
  }
  auto nearest = embedder::NearestRows(source, {&query, 1}, options.limit, control, nullptr);
  if (!nearest.ok()) return nearest.status();
  TextAnalogyAnswer answer = {NameModel(**encoder), {}};
  for (const embedder::ScoredRow& row : nearest->front()) {
    answer.nearest.push_back({row.row, candidates[row.row], row.cosine});
  }
  return answer;
}

absl::StatusOr<AnalogyReport> ModelInspector::AskAnalogies(
    const std::vector<AnalogyQuestion>& questions, const AnalogyOptions& options,
    const InspectProgress& progress) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  return ReportAnalogies(**encoder, questions, options, progress);
}

absl::StatusOr<LayersAnswer> ModelInspector::Layers(const std::string& text,
                                                    const InspectOptions& options) const {
  auto encoder = models_.Resolve(options.model);
  if (!encoder.ok()) return encoder.status();
  if (auto status = embedder::ExpectLayers(**encoder); !status.ok()) return status;
  auto batch = ReadText(**encoder, text, options);
  if (!batch.ok()) return batch.status();
  auto states = (*encoder)->HiddenStates(*batch, ControlOf(options));
  if (!states.ok()) return states.status();
  const embedder::ModelParts parts = (*encoder)->parts();
  LayersAnswer answer = {NameModel(**encoder), NameTokens(**encoder, batch->ids), {}};
  for (embedder::StreamLayer& layer :
       embedder::MeasureStream(*states, parts.architecture->shape().width, parts.pooling)) {
    answer.layers.push_back({.norms = std::move(layer.norms),
                             .added = std::move(layer.added),
                             .cosine_to_previous = std::move(layer.cosine_to_previous),
                             .cosine_to_first = std::move(layer.cosine_to_first),
                             .pooled_cosine_to_last = layer.pooled_cosine_to_last,
                             .mean_cosine = layer.mean_cosine});
  }
  return answer;
}

absl::StatusOr<ContextAnswer> ModelInspector::Context(const std::string& word,
                                                      const std::vector<std::string>& sentences,
                                                      const InspectOptions& options) const {
  auto encoder = models_.Resolve(options.model);
  if (!encoder.ok()) return encoder.status();
  if (auto status = embedder::ExpectLayers(**encoder); !status.ok()) return status;
  if (auto status = ExpectWords(**encoder, "word", word); !status.ok()) return status;
  if (sentences.size() < kFewestSentences || sentences.size() > kMostSentences) {
    return absl::InvalidArgumentError(fmt::format("sentences: {} texts, expected {} to {}",
                                                  sentences.size(), kFewestSentences,
                                                  kMostSentences));
  }
  for (size_t i = 0; i < sentences.size(); ++i) {
    auto status = ExpectWords(**encoder, fmt::format("sentences[{}]", i), sentences[i]);
    if (!status.ok()) return status;
  }
  const std::vector<std::string_view> views(sentences.begin(), sentences.end());
  if (const auto refused = FindRefused(**encoder, ToEncodeOptions(options), views)) {
    return absl::InvalidArgumentError(
        fmt::format("sentences[{}]: {}", refused->index, refused->reason));
  }
  auto context = embedder::CompareContexts(**encoder, word, views, ToEncodeOptions(options),
                                           ControlOf(options));
  if (!context.ok()) return context.status();
  ContextAnswer answer;
  answer.model = NameModel(**encoder);
  for (size_t s = 0; s < sentences.size(); ++s) {
    const embedder::TokenRange& place = context->places[s];
    const absl::Span<const int32_t> ids =
        absl::MakeConstSpan(context->batch.ids)
            .subspan(context->batch.offsets[s] + place.begin, place.end - place.begin);
    answer.tokens.push_back(NameTokens(**encoder, ids));
  }
  answer.table = ToContextLayer(context->table, sentences.size(), 0);
  for (const embedder::WordInLayer& layer : context->layers) {
    answer.layers.push_back(ToContextLayer(layer.cosines, sentences.size(), layer.baseline));
  }
  return answer;
}

absl::StatusOr<ProjectionAnswer> ModelInspector::Projection(
    const std::string& text, const ProjectionOptions& options) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  if (auto status = embedder::ExpectLayers(**encoder); !status.ok()) return status;
  if (auto status = CheckLimit(options.limit); !status.ok()) return status;
  auto batch = ReadText(**encoder, text, options.inspect);
  if (!batch.ok()) return batch.status();
  const Stopwatch forward;
  auto states = (*encoder)->HiddenStates(*batch, ControlOf(options.inspect));
  if (!states.ok()) return states.status();
  const double forward_seconds = forward.Seconds();
  auto scores = embedder::ScoreTokens(**encoder, states->back(), options.all_positions,
                                      options.limit, ControlOf(options.inspect));
  if (!scores.ok()) return scores.status();
  const embedder::OutputHead& head = *(*encoder)->parts().architecture->output_head();
  ProjectionAnswer answer;
  answer.model = NameModel(**encoder);
  answer.head = head.trained();
  answer.tied = head.tied();
  answer.multiply_adds = head.multiply_adds() * scores->positions.size();
  answer.seconds = scores->seconds;
  answer.forward_seconds = forward_seconds;
  for (const embedder::PositionScores& position : scores->positions) {
    ProjectedPosition projected = {
        position.position, NameToken(**encoder, batch->ids[position.position]), {}};
    for (const embedder::ScoredToken& token : position.best) {
      projected.best.push_back({NameToken(**encoder, token.id), token.score, std::nullopt});
      if (answer.head) projected.best.back().probability = token.probability;
    }
    answer.positions.push_back(std::move(projected));
  }
  return answer;
}

absl::StatusOr<LayerScoresReport> ModelInspector::ScoreLayers(
    const std::vector<TextPair>& pairs, const InspectOptions& options,
    const InspectProgress& progress) const {
  auto encoder = models_.Resolve(options.model);
  if (!encoder.ok()) return encoder.status();
  return ReportLayerScores(**encoder, pairs, options, progress);
}

absl::StatusOr<RareTokensReport> ModelInspector::RareTokens(
    const NextText& next, const RareTokensOptions& options) const {
  auto encoder = models_.Resolve(options.inspect.model);
  if (!encoder.ok()) return encoder.status();
  if (auto status = CheckLimit(options.limit); !status.ok()) return status;
  return ReportRareTokens(**encoder, next, options);
}

}  // namespace vecnest::engine
