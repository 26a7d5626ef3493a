#include "embedder/tokenizer_files.h"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "embedder/json.h"
#include "embedder/status_macros.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

// The special tokens every BERT tokenizer has, which vocab.txt does not mark.
constexpr std::string_view kSpecialTokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

absl::Status Unsupported(const Json& node, std::string_view found, std::string_view expected) {
  return absl::InvalidArgumentError(
      fmt::format("{}: expected {}, found {}", node.name(), expected, found));
}

absl::Status ExpectType(const Json& parent, std::string_view key, std::string_view expected) {
  VECNEST_ASSIGN_OR_RETURN(const Json node, parent.Get(key));
  VECNEST_ASSIGN_OR_RETURN(const std::string type, node.GetString("type"));
  if (type != expected) return Unsupported(node, type, expected);
  return absl::OkStatus();
}

absl::StatusOr<int32_t> TokenId(const Json& node) {
  VECNEST_ASSIGN_OR_RETURN(const int64_t id, node.AsInt());
  if (id < 0 || id >= std::numeric_limits<int32_t>::max()) {
    return Unsupported(node, fmt::format("{}", id), "a token id");
  }
  return static_cast<int32_t>(id);
}

absl::Status ReadModel(const Json& root, WordPieceSpec* spec) {
  VECNEST_RETURN_IF_ERROR(ExpectType(root, "model", "WordPiece"));
  VECNEST_ASSIGN_OR_RETURN(const Json model, root.Get("model"));
  VECNEST_ASSIGN_OR_RETURN(spec->unknown_token, model.GetString("unk_token", "[UNK]"));
  VECNEST_ASSIGN_OR_RETURN(spec->continuation, model.GetString("continuing_subword_prefix", "##"));
  VECNEST_ASSIGN_OR_RETURN(const int64_t max_chars, model.GetInt("max_input_chars_per_word", 100));
  constexpr int64_t kMostChars = 1'000'000;
  if (max_chars < 1 || max_chars > kMostChars) {
    return Unsupported(model, fmt::format("max_input_chars_per_word {}", max_chars),
                       fmt::format("1 to {}", kMostChars));
  }
  spec->normalizer.max_word_chars = static_cast<size_t>(max_chars);
  VECNEST_ASSIGN_OR_RETURN(const Json vocabulary, model.Get("vocab"));
  if (!vocabulary.IsObject()) return Unsupported(vocabulary, "something else", "an object");
  for (const auto& [token, node] : vocabulary.Members()) {
    VECNEST_ASSIGN_OR_RETURN(const int32_t id, TokenId(node));
    spec->vocabulary.emplace_back(token, id);
  }
  return absl::OkStatus();
}

absl::Status ReadNormalizer(const Json& root, WordPieceSpec* spec) {
  VECNEST_RETURN_IF_ERROR(ExpectType(root, "normalizer", "BertNormalizer"));
  VECNEST_RETURN_IF_ERROR(ExpectType(root, "pre_tokenizer", "BertPreTokenizer"));
  VECNEST_ASSIGN_OR_RETURN(const Json node, root.Get("normalizer"));
  NormalizerSettings& settings = spec->normalizer;
  VECNEST_ASSIGN_OR_RETURN(settings.clean_text, node.GetBool("clean_text", true));
  VECNEST_ASSIGN_OR_RETURN(settings.handle_chinese_chars,
                           node.GetBool("handle_chinese_chars", true));
  VECNEST_ASSIGN_OR_RETURN(settings.lowercase, node.GetBool("lowercase", true));
  VECNEST_ASSIGN_OR_RETURN(settings.strip_accents,
                           node.GetBool("strip_accents", settings.lowercase));
  return absl::OkStatus();
}

absl::Status ReadAddedTokens(const Json& root, WordPieceSpec* spec) {
  const std::optional<Json> list = root.Find("added_tokens");
  if (!list) return absl::OkStatus();
  for (const Json& token : list->Elements()) {
    VECNEST_ASSIGN_OR_RETURN(const std::string content, token.GetString("content"));
    VECNEST_ASSIGN_OR_RETURN(const Json id_node, token.Get("id"));
    VECNEST_ASSIGN_OR_RETURN(const int32_t id, TokenId(id_node));
    for (const std::string_view flag : {"single_word", "lstrip", "rstrip", "normalized"}) {
      VECNEST_ASSIGN_OR_RETURN(const bool set, token.GetBool(flag, false));
      if (set) return Unsupported(token, fmt::format("\"{}\": true", flag), "false");
    }
    if (!content.empty()) spec->added_tokens.emplace_back(content, id);
  }
  return absl::OkStatus();
}

// The tokens around a sequence: [first] A [last] in either of the two usual post-processors.
absl::Status ReadPostProcessor(const Json& root, WordPieceSpec* spec) {
  VECNEST_ASSIGN_OR_RETURN(const Json node, root.Get("post_processor"));
  VECNEST_ASSIGN_OR_RETURN(const std::string type, node.GetString("type"));
  if (type == "BertProcessing") {
    for (const auto& [key, token] :
         {std::pair{"cls", &spec->first_token}, std::pair{"sep", &spec->last_token}}) {
      VECNEST_ASSIGN_OR_RETURN(const Json pair, node.Get(key));
      const std::vector<Json> parts = pair.Elements();
      if (parts.size() != 2) return Unsupported(pair, "something else", "[token, id]");
      VECNEST_ASSIGN_OR_RETURN(*token, parts[0].AsString());
    }
    return absl::OkStatus();
  }
  if (type != "TemplateProcessing") return Unsupported(node, type, "TemplateProcessing");
  VECNEST_ASSIGN_OR_RETURN(const Json single, node.Get("single"));
  const std::vector<Json> parts = single.Elements();
  if (parts.size() != 3 || !parts[1].Find("Sequence")) {
    return Unsupported(single, "another template", "[first] A [last]");
  }
  for (const auto& [part, token] :
       {std::pair{parts[0], &spec->first_token}, std::pair{parts[2], &spec->last_token}}) {
    VECNEST_ASSIGN_OR_RETURN(const Json special, part.Get("SpecialToken"));
    VECNEST_ASSIGN_OR_RETURN(*token, special.GetString("id"));
  }
  return absl::OkStatus();
}

absl::Status ReadTokenizerJson(const std::string& path, WordPieceSpec* spec) {
  VECNEST_ASSIGN_OR_RETURN(const Json root, Json::Load(path));
  VECNEST_RETURN_IF_ERROR(ReadModel(root, spec));
  VECNEST_RETURN_IF_ERROR(ReadNormalizer(root, spec));
  VECNEST_RETURN_IF_ERROR(ReadAddedTokens(root, spec));
  return ReadPostProcessor(root, spec);
}

absl::Status ReadVocabTxt(const std::string& path, WordPieceSpec* spec) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("{}: cannot be opened", path));
  std::string line;
  int32_t id = 0;
  for (; std::getline(file, line); ++id) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
    if (FindInvalidUtf8(line)) {
      return absl::InvalidArgumentError(fmt::format("{}:{}: not valid UTF-8", path, id + 1));
    }
    for (const std::string_view special : kSpecialTokens) {
      if (line == special) spec->added_tokens.emplace_back(line, id);
    }
    spec->vocabulary.emplace_back(line, id);
  }
  return absl::OkStatus();
}

absl::Status ApplyTokenizerConfig(const std::string& path, WordPieceSpec* spec) {
  const absl::StatusOr<Json> config = Json::Load(path);
  if (absl::IsNotFound(config.status())) return absl::OkStatus();
  if (!config.ok()) return config.status();
  NormalizerSettings& settings = spec->normalizer;
  const bool lowercase_before = settings.lowercase;
  VECNEST_ASSIGN_OR_RETURN(settings.lowercase,
                           config->GetBool("do_lower_case", settings.lowercase));
  VECNEST_ASSIGN_OR_RETURN(
      settings.handle_chinese_chars,
      config->GetBool("tokenize_chinese_chars", settings.handle_chinese_chars));
  // Unset means: like lower-casing. A stored choice stays unless lower-casing itself changed.
  const bool strip_default =
      settings.lowercase == lowercase_before ? settings.strip_accents : settings.lowercase;
  VECNEST_ASSIGN_OR_RETURN(settings.strip_accents, config->GetBool("strip_accents", strip_default));
  return absl::OkStatus();
}

bool Exists(const std::string& path) { return std::ifstream(path).good(); }

}  // namespace

absl::StatusOr<WordPieceSpec> LoadWordPieceSpec(const std::string& directory) {
  const std::string tokenizer_json = directory + "/tokenizer.json";
  const std::string vocab_txt = directory + "/vocab.txt";
  WordPieceSpec spec;
  if (Exists(tokenizer_json)) {
    VECNEST_RETURN_IF_ERROR(ReadTokenizerJson(tokenizer_json, &spec));
  } else if (Exists(vocab_txt)) {
    VECNEST_RETURN_IF_ERROR(ReadVocabTxt(vocab_txt, &spec));
  } else {
    return absl::NotFoundError(
        fmt::format("{}: neither tokenizer.json nor vocab.txt is there", directory));
  }
  VECNEST_RETURN_IF_ERROR(ApplyTokenizerConfig(directory + "/tokenizer_config.json", &spec));
  return spec;
}

}  // namespace vecnest::embedder
