#include "net/codec_openai.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "absl/strings/escaping.h"
#include "fmt/format.h"

namespace vecnest::net {
namespace {

constexpr size_t kMaxInputs = 2048;

std::vector<int32_t> ReadTokens(const Json& list, const std::string& path, absl::Status& status) {
  std::vector<int32_t> tokens;
  for (const Json& token : list) {
    const bool fits =
        token.is_number_unsigned() && token.get<uint64_t>() <= std::numeric_limits<int32_t>::max();
    if (!fits) {
      status.Update(WrongType(ElementPath(path, tokens.size()), "a token id", token));
      return tokens;
    }
    tokens.push_back(token.get<int32_t>());
  }
  return tokens;
}

void ReadInputList(const Json& list, EmbeddingsRequest& request, absl::Status& status) {
  if (list.empty() || list.size() > kMaxInputs) {
    // A flat list of token ids is one input, however long.
    if (list.empty() || !list.front().is_number()) {
      status.Update(absl::InvalidArgumentError(
          fmt::format("input: {} inputs, expected 1 to {}", list.size(), kMaxInputs)));
      return;
    }
  }
  if (list.front().is_number()) {
    request.input = std::vector<std::vector<int32_t>>{ReadTokens(list, "input", status)};
    return;
  }
  const bool tokens = list.front().is_array();
  std::vector<std::string> texts;
  std::vector<std::vector<int32_t>> sequences;
  for (size_t i = 0; status.ok() && i < list.size(); ++i) {
    const std::string path = ElementPath("input", i);
    const Json& element = list[i];
    if (tokens ? !element.is_array() : !element.is_string()) {
      status.Update(WrongType(path, tokens ? "a list of token ids" : "a string", element));
    } else if (tokens) {
      sequences.push_back(ReadTokens(element, path, status));
    } else {
      texts.push_back(element.get<std::string>());
    }
  }
  if (tokens) {
    request.input = std::move(sequences);
  } else {
    request.input = std::move(texts);
  }
}

template <typename Inputs>
void RefuseEmpty(const Inputs& inputs, absl::Status& status) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].empty()) continue;
    status.Update(
        absl::InvalidArgumentError(fmt::format("{}: must not be empty", ElementPath("input", i))));
  }
}

}  // namespace

EmbeddingsRequest ReadEmbeddingsRequest(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  EmbeddingsRequest request;
  if (const Json* input = fields.Require("input")) {
    if (input->is_string()) {
      request.input = std::vector<std::string>{input->get<std::string>()};
    } else if (input->is_array()) {
      ReadInputList(*input, request, status);
    } else {
      status.Update(WrongType("input", "a string or a list", *input));
    }
  }
  fields.Require("model");
  request.options.model = fields.String("model").value_or("");
  request.options.dimensions = static_cast<int>(
      fields.Integer("dimensions", 1, std::numeric_limits<int32_t>::max()).value_or(0));
  const std::string format = fields.String("encoding_format").value_or("float");
  request.base64 = format == "base64";
  if (format != "float" && format != "base64") {
    status.Update(absl::InvalidArgumentError(
        fmt::format("encoding_format: '{}', expected float or base64", format)));
  }
  const std::string type = fields.String("input_type").value_or("document");
  request.options.type = type == "query" ? TextType::kQuery : TextType::kDocument;
  if (type != "query" && type != "document") {
    status.Update(absl::InvalidArgumentError(
        fmt::format("input_type: '{}', expected query or document", type)));
  }
  request.options.truncate = fields.Bool("truncate").value_or(false);
  fields.String("user");  // for abuse reports; there are none here
  fields.Finish();
  if (status.ok()) {
    std::visit([&](const auto& inputs) { RefuseEmpty(inputs, status); }, request.input);
  }
  return request;
}

absl::Status NameInput(const absl::Status& status) {
  const std::string message(status.message());
  for (const std::string_view noun : {"text ", "sequence "}) {
    if (!message.starts_with(noun)) continue;
    size_t index = 0;
    const char* begin = message.data() + noun.size();
    const char* end = message.data() + message.size();
    if (std::from_chars(begin, end, index).ec != std::errc()) break;
    return {status.code(), fmt::format("{}: {}", ElementPath("input", index), message)};
  }
  return status;
}

ModelUsage UsageOf(const EmbeddingsRequest& request, const std::vector<Embedding>& embeddings,
                   const ModelInfo& model) {
  ModelUsage usage;
  usage.model = model.name;
  usage.identity = model.identity;
  usage.max_tokens = model.max_tokens;
  // Token ids are read as they are.
  if (std::holds_alternative<std::vector<std::string>>(request.input)) {
    const bool query = request.options.type == TextType::kQuery;
    usage.prefix =
        request.options.prefix.value_or(query ? model.query_prefix : model.document_prefix);
  }
  usage.texts = embeddings.size();
  for (const Embedding& embedding : embeddings) {
    usage.tokens += static_cast<uint64_t>(embedding.tokens);
    if (embedding.truncated) ++usage.truncated;
  }
  return usage;
}

Json WriteEmbeddings(const std::vector<Embedding>& embeddings, const ModelUsage& usage,
                     bool base64) {
  Json data = Json::array();
  for (const Embedding& embedding : embeddings) {
    Json item = {{"object", "embedding"}, {"index", data.size()}};
    if (base64) {
      const std::string bytes(reinterpret_cast<const char*>(embedding.vector.data()),
                              embedding.vector.size() * sizeof(float));
      item["embedding"] = absl::Base64Escape(bytes);
    } else {
      item["embedding"] = embedding.vector;
    }
    item["tokens"] = embedding.tokens;
    if (embedding.truncated) item["truncated"] = true;
    data.push_back(std::move(item));
  }
  return {{"object", "list"},
          {"data", std::move(data)},
          {"model", usage.model},
          {"identity", usage.identity},
          {"prefix", usage.prefix},
          {"usage", {{"prompt_tokens", usage.tokens}, {"total_tokens", usage.tokens}}}};
}

Json WriteModel(const ModelInfo& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", 0},
          {"owned_by", "vecnest"},
          {"dimensions", model.dimensions},
          {"max_tokens", model.max_tokens},
          {"architecture", model.architecture},
          {"layers", model.layers},
          {"pooling", model.pooling},
          {"normalized", model.normalized},
          {"precision", PrecisionName(model.precision)},
          {"query_prefix", model.query_prefix},
          {"document_prefix", model.document_prefix},
          {"identity", model.identity}};
}

}  // namespace vecnest::net
