#include "net/codec_inspect.h"

#include <limits>
#include <utility>

#include "fmt/format.h"

namespace vecnest::net {
namespace {

constexpr int64_t kMostAnswers = 1000;
constexpr int64_t kMostProjected = 100;
constexpr size_t kMostTexts = 2048;

InspectOptions ReadInspectOptions(JsonFields& fields) {
  InspectOptions options;
  options.model = fields.String("model").value_or("");
  options.prefix = fields.String("prefix");
  const std::string type = fields.String("input_type").value_or("document");
  options.type = type == "query" ? TextType::kQuery : TextType::kDocument;
  if (type != "query" && type != "document") {
    fields.status().Update(absl::InvalidArgumentError(
        fmt::format("input_type: '{}', expected query or document", type)));
  }
  return options;
}

std::string ReadNonEmpty(JsonFields& fields, std::string_view name) {
  fields.Require(name);
  std::string text = fields.String(name).value_or("");
  if (text.empty()) {
    fields.status().Update(absl::InvalidArgumentError(fmt::format("{}: must not be empty", name)));
  }
  return text;
}

size_t ReadLimit(JsonFields& fields, size_t otherwise, int64_t most) {
  return static_cast<size_t>(
      fields.Integer("limit", 1, most).value_or(static_cast<int64_t>(otherwise)));
}

// `least` to `most` texts, none empty.
std::vector<std::string> ReadTexts(JsonFields& fields, std::string_view name, size_t least,
                                   size_t most) {
  std::vector<std::string> texts = fields.Strings(name).value_or(std::vector<std::string>());
  if (texts.size() < least || texts.size() > most) {
    fields.status().Update(absl::InvalidArgumentError(
        fmt::format("{}: {} texts, expected {} to {}", name, texts.size(), least, most)));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty()) continue;
    fields.status().Update(
        absl::InvalidArgumentError(fmt::format("{}: must not be empty", ElementPath(name, i))));
  }
  return texts;
}

Json WriteToken(const NamedToken& token) {
  Json json = {{"id", token.id}, {"text", token.text}};
  if (token.special) json["special"] = true;
  return json;
}

template <typename Items, typename Write>
Json WriteList(const Items& items, Write write) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(write(item));
  return list;
}

Json WriteModelNames(const InspectedModel& model) {
  return {{"model", model.name}, {"identity", model.identity}};
}

Json WriteTerm(const TermTokens& term) {
  return {{"term", term.term}, {"tokens", WriteList(term.tokens, WriteToken)}};
}

Json WriteNeighbor(const TokenNeighbor& neighbor) {
  Json json = WriteToken(neighbor.token);
  json["cosine"] = neighbor.cosine;
  json["norm"] = neighbor.norm;
  return json;
}

Json WriteSection(const AnalogySection& section) {
  Json json = {{"name", section.name},
               {"questions", section.questions},
               {"asked", section.asked},
               {"right", section.right}};
  json["accuracy"] =
      section.asked == 0
          ? Json()
          : Json(static_cast<double>(section.right) / static_cast<double>(section.asked));
  return json;
}

Json WriteContextLayer(const ContextLayer& layer) {
  return {{"cosines", layer.cosines}, {"mean", layer.mean}, {"baseline", layer.baseline}};
}

Json WriteOptional(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json WriteWordUse(const WordUseReport& use) {
  Json json = {
      {"word", use.word}, {"count", use.count}, {"tokens", WriteList(use.tokens, WriteToken)}};
  if (use.rarest) {
    json["rarest"] = WriteToken(*use.rarest);
    json["rarest"]["count"] = use.rarest_count;
    json["rarest"]["norm"] = use.rarest_norm;
  }
  return json;
}

Json WriteBand(const TokenBand& band) {
  Json json = {{"least", band.least}, {"tokens", band.tokens}, {"mean_norm", band.mean_norm}};
  if (band.most != std::numeric_limits<uint64_t>::max()) json["most"] = band.most;
  return json;
}

}  // namespace

TokensRequest ReadLayersRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  TokensRequest request;
  request.inspect = ReadInspectOptions(fields);
  request.text = ReadNonEmpty(fields, "text");
  fields.Finish();
  return request;
}

TokensRequest ReadTokensRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  TokensRequest request;
  request.inspect = ReadInspectOptions(fields);
  request.text = ReadNonEmpty(fields, "text");
  request.rows = fields.Bool("rows").value_or(false);
  fields.Finish();
  return request;
}

NeighborsRequest ReadNeighborsRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  NeighborsRequest request;
  request.inspect.model = fields.String("model").value_or("");  // no text is embedded
  request.term = ReadNonEmpty(fields, "term");
  request.limit = ReadLimit(fields, request.limit, kMostAnswers);
  request.special = fields.Bool("special").value_or(false);
  fields.Finish();
  return request;
}

AnalogyRequest ReadAnalogyRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  AnalogyRequest request;
  request.inspect = ReadInspectOptions(fields);
  request.a = ReadNonEmpty(fields, "a");
  request.b = ReadNonEmpty(fields, "b");
  request.c = ReadNonEmpty(fields, "c");
  if (fields.Find("candidates") != nullptr) {
    request.candidates = ReadTexts(fields, "candidates", 1, kMostTexts);
  } else if (fields.Find("input_type") != nullptr || fields.Find("prefix") != nullptr) {
    status.Update(absl::InvalidArgumentError(
        "input_type, prefix: only texts have them; without candidates rows of the table are read"));
  }
  request.limit = ReadLimit(fields, request.limit, kMostAnswers);
  request.special = fields.Bool("special").value_or(false);
  fields.Finish();
  return request;
}

ContextRequest ReadContextRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  ContextRequest request;
  request.inspect = ReadInspectOptions(fields);
  request.word = ReadNonEmpty(fields, "word");
  fields.Require("sentences");
  request.sentences = ReadTexts(fields, "sentences", kFewestSentences, kMostSentences);
  fields.Finish();
  return request;
}

ProjectionRequest ReadProjectionRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  ProjectionRequest request;
  request.inspect = ReadInspectOptions(fields);
  request.text = ReadNonEmpty(fields, "text");
  const std::string positions = fields.String("positions").value_or("last");
  request.all = positions == "all";
  if (positions != "all" && positions != "last") {
    status.Update(absl::InvalidArgumentError(
        fmt::format("positions: '{}', expected last or all", positions)));
  }
  request.limit = ReadLimit(fields, request.limit, kMostProjected);
  fields.Finish();
  return request;
}

RareTokensRequest ReadRareTokensRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  RareTokensRequest request;
  request.inspect.model = fields.String("model").value_or("");  // no text is embedded
  fields.Require("texts");
  request.texts = ReadTexts(fields, "texts", 1, kMostTexts);
  request.limit = ReadLimit(fields, request.limit, kMostAnswers);
  request.least_count = static_cast<uint64_t>(
      fields.Integer("least_count", 1, std::numeric_limits<int32_t>::max()).value_or(1));
  fields.Finish();
  return request;
}

Json WriteAnswer(const TokensAnswer& answer, bool rows) {
  Json json = WriteModelNames(answer.model);
  json["tokens"] = WriteList(answer.tokens, [&](const InspectedToken& token) {
    Json one = WriteToken(token.token);
    one["norm"] = token.norm;
    if (rows) one["row"] = token.row;
    return one;
  });
  json["table"] = {{"tokens", answer.table.tokens}, {"rows", answer.table.rows},
                   {"width", answer.table.width},   {"parameters", answer.table.parameters},
                   {"bytes", answer.table.bytes},   {"model_bytes", answer.table.model_bytes}};
  return json;
}

Json WriteAnswer(const NeighborsAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json.update(WriteTerm(answer.term));
  json["neighbors"] = WriteList(answer.neighbors, WriteNeighbor);
  return json;
}

Json WriteAnswer(const AnalogyAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json["terms"] = WriteList(answer.terms, WriteTerm);
  json["nearest"] = WriteList(answer.nearest, WriteNeighbor);
  return json;
}

Json WriteAnswer(const TextAnalogyAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json["nearest"] = WriteList(answer.nearest, [](const RankedText& text) -> Json {
    return {{"index", text.index}, {"text", text.text}, {"cosine", text.cosine}};
  });
  return json;
}

Json WriteAnswer(const AnalogyReport& answer) {
  Json json = WriteModelNames(answer.model);
  json["candidates"] = answer.candidates;
  json["sections"] = WriteList(answer.sections, WriteSection);
  json["total"] = WriteSection(answer.total);
  return json;
}

Json WriteAnswer(const LayersAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json["tokens"] = WriteList(answer.tokens, WriteToken);
  size_t index = 0;
  json["layers"] = WriteList(answer.layers, [&](const LayerAnswer& layer) {
    Json one = {{"layer", index},
                {"norms", layer.norms},
                {"cosine_to_first", layer.cosine_to_first},
                {"pooled_cosine_to_last", layer.pooled_cosine_to_last},
                {"mean_cosine", layer.mean_cosine}};
    if (index++ > 0) {
      one["added"] = layer.added;
      one["cosine_to_previous"] = layer.cosine_to_previous;
    }
    return one;
  });
  return json;
}

Json WriteAnswer(const ContextAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json["tokens"] = WriteList(answer.tokens, [](const std::vector<NamedToken>& tokens) {
    return WriteList(tokens, WriteToken);
  });
  json["table"] = {{"cosines", answer.table.cosines}, {"mean", answer.table.mean}};
  json["layers"] = WriteList(answer.layers, WriteContextLayer);
  return json;
}

Json WriteAnswer(const ProjectionAnswer& answer) {
  Json json = WriteModelNames(answer.model);
  json["head"] = answer.head;
  json["tied"] = answer.tied;
  json["multiply_adds"] = answer.multiply_adds;
  json["seconds"] = answer.seconds;
  json["forward_seconds"] = answer.forward_seconds;
  json["positions"] = WriteList(answer.positions, [](const ProjectedPosition& position) -> Json {
    Json best = WriteList(position.best, [](const ProjectedToken& token) {
      Json one = WriteToken(token.token);
      one["score"] = token.score;
      if (token.probability) one["probability"] = *token.probability;
      return one;
    });
    return {{"position", position.position},
            {"token", WriteToken(position.token)},
            {"best", std::move(best)}};
  });
  return json;
}

Json WriteAnswer(const LayerScoresReport& answer) {
  Json json = WriteModelNames(answer.model);
  json["pooling"] = answer.pooling;
  json["pairs"] = answer.pairs;
  json["scores"] = WriteList(answer.scores, [](const LayerScore& score) -> Json {
    return {{"reading", score.reading},
            {"own", WriteOptional(score.own)},
            {"mean", WriteOptional(score.mean)}};
  });
  return json;
}

Json WriteAnswer(const RareTokensReport& answer) {
  Json json = WriteModelNames(answer.model);
  json["texts"] = answer.texts;
  json["words"] = answer.words;
  json["distinct_words"] = answer.distinct_words;
  json["tokens"] = answer.tokens;
  json["unknown_words"] = answer.unknown_words;
  json["words_by_pieces"] = answer.words_by_pieces;
  json["broken"] = WriteList(answer.broken, WriteWordUse);
  json["rare"] = WriteList(answer.rare, WriteWordUse);
  json["bands"] = WriteList(answer.bands, WriteBand);
  return json;
}

}  // namespace vecnest::net
