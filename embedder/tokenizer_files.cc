#include "embedder/tokenizer_files.h"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

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

absl::Status ReadVocabulary(const Json& model, TokenList* vocabulary) {
  VECNEST_ASSIGN_OR_RETURN(const Json tokens, model.Get("vocab"));
  if (!tokens.IsObject()) return Unsupported(tokens, "something else", "an object");
  for (const auto& [token, node] : tokens.Members()) {
    VECNEST_ASSIGN_OR_RETURN(const int32_t id, TokenId(node));
    vocabulary->emplace_back(token, id);
  }
  return absl::OkStatus();
}

absl::Status ReadWordPieceModel(const Json& model, WordPieceSpec* spec) {
  VECNEST_ASSIGN_OR_RETURN(spec->unknown_token, model.GetString("unk_token", "[UNK]"));
  VECNEST_ASSIGN_OR_RETURN(spec->continuation, model.GetString("continuing_subword_prefix", "##"));
  VECNEST_ASSIGN_OR_RETURN(const int64_t max_chars, model.GetInt("max_input_chars_per_word", 100));
  constexpr int64_t kMostChars = 1'000'000;
  if (max_chars < 1 || max_chars > kMostChars) {
    return Unsupported(model, fmt::format("max_input_chars_per_word {}", max_chars),
                       fmt::format("1 to {}", kMostChars));
  }
  spec->normalizer.max_word_chars = static_cast<size_t>(max_chars);
  return ReadVocabulary(model, &spec->vocabulary);
}

absl::Status ReadBertNormalizer(const Json& root, WordPieceSpec* spec) {
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

absl::Status ReadAddedTokens(const Json& root, TokenList* added_tokens) {
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
    if (!content.empty()) added_tokens->emplace_back(content, id);
  }
  return absl::OkStatus();
}

// The tokens around a sequence: [first] A [last] in either of the two usual post-processors.
absl::Status ReadBertPostProcessor(const Json& root, WordPieceSpec* spec) {
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

absl::StatusOr<TokenizerSpec> ParseWordPiece(const Json& root, const Json& model,
                                             const TokenizerUse& use) {
  WordPieceSpec spec;
  VECNEST_RETURN_IF_ERROR(ReadWordPieceModel(model, &spec));
  VECNEST_RETURN_IF_ERROR(ReadBertNormalizer(root, &spec));
  VECNEST_RETURN_IF_ERROR(ReadAddedTokens(root, &spec.added_tokens));
  if (use.special_tokens) VECNEST_RETURN_IF_ERROR(ReadBertPostProcessor(root, &spec));
  return spec;
}

absl::Status ReadBpeModel(const Json& model, BpeSpec* spec) {
  for (const std::string_view field : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    VECNEST_ASSIGN_OR_RETURN(const std::string affix, model.GetString(field, ""));
    if (!affix.empty()) return Unsupported(model, fmt::format("{} \"{}\"", field, affix), "none");
  }
  VECNEST_ASSIGN_OR_RETURN(const double dropout, model.GetDouble("dropout", 0));
  if (dropout != 0) return Unsupported(model, fmt::format("dropout {}", dropout), "none");
  VECNEST_ASSIGN_OR_RETURN(const bool ignore_merges, model.GetBool("ignore_merges", false));
  if (ignore_merges) return Unsupported(model, "ignore_merges true", "false");
  VECNEST_ASSIGN_OR_RETURN(spec->unknown_token, model.GetString("unk_token", ""));
  VECNEST_ASSIGN_OR_RETURN(spec->fuse_unknown, model.GetBool("fuse_unk", false));
  VECNEST_ASSIGN_OR_RETURN(spec->byte_fallback, model.GetBool("byte_fallback", false));
  VECNEST_RETURN_IF_ERROR(ReadVocabulary(model, &spec->vocabulary));
  VECNEST_ASSIGN_OR_RETURN(const Json merges, model.Get("merges"));
  for (const Json& merge : merges.Elements()) {
    if (merge.IsString()) {  // the older form
      VECNEST_ASSIGN_OR_RETURN(const std::string both, merge.AsString());
      const size_t blank = both.find(' ');
      if (blank == std::string::npos) return Unsupported(merge, both, "two tokens");
      spec->merges.emplace_back(both.substr(0, blank), both.substr(blank + 1));
      continue;
    }
    const std::vector<Json> parts = merge.Elements();
    if (parts.size() != 2) return Unsupported(merge, "something else", "two tokens");
    VECNEST_ASSIGN_OR_RETURN(std::string left, parts[0].AsString());
    VECNEST_ASSIGN_OR_RETURN(std::string right, parts[1].AsString());
    spec->merges.emplace_back(std::move(left), std::move(right));
  }
  return absl::OkStatus();
}

absl::Status ReadNormalizerStep(const Json& node, BpeSpec* spec) {
  VECNEST_ASSIGN_OR_RETURN(const std::string type, node.GetString("type"));
  BpeSpec::Step step;
  if (type == "Prepend") {
    VECNEST_ASSIGN_OR_RETURN(step.to, node.GetString("prepend"));
  } else if (type == "Replace") {
    VECNEST_ASSIGN_OR_RETURN(const Json pattern, node.Get("pattern"));
    VECNEST_ASSIGN_OR_RETURN(step.from, pattern.GetString("String"));
    VECNEST_ASSIGN_OR_RETURN(step.to, node.GetString("content"));
    if (step.from.empty()) return Unsupported(pattern, "an empty string", "what to replace");
  } else {
    return Unsupported(node, type, "Prepend or Replace");
  }
  spec->normalizer.push_back(std::move(step));
  return absl::OkStatus();
}

absl::Status ReadBpeNormalizer(const Json& root, BpeSpec* spec) {
  if (const std::optional<Json> splitter = root.Find("pre_tokenizer")) {
    return Unsupported(*splitter, "a pre-tokenizer", "none");
  }
  const std::optional<Json> node = root.Find("normalizer");
  if (!node) return absl::OkStatus();
  VECNEST_ASSIGN_OR_RETURN(const std::string type, node->GetString("type"));
  if (type != "Sequence") return ReadNormalizerStep(*node, spec);
  VECNEST_ASSIGN_OR_RETURN(const Json steps, node->Get("normalizers"));
  for (const Json& step : steps.Elements()) VECNEST_RETURN_IF_ERROR(ReadNormalizerStep(step, spec));
  return absl::OkStatus();
}

// Any number of special tokens around the text.
absl::Status ReadTemplate(const Json& root, BpeSpec* spec) {
  const std::optional<Json> node = root.Find("post_processor");
  if (!node) return absl::OkStatus();
  VECNEST_RETURN_IF_ERROR(ExpectType(root, "post_processor", "TemplateProcessing"));
  VECNEST_ASSIGN_OR_RETURN(const Json single, node->Get("single"));
  std::vector<std::string>* side = &spec->before;
  for (const Json& part : single.Elements()) {
    if (part.Find("Sequence")) {
      side = &spec->after;
      continue;
    }
    VECNEST_ASSIGN_OR_RETURN(const Json special, part.Get("SpecialToken"));
    VECNEST_ASSIGN_OR_RETURN(side->emplace_back(), special.GetString("id"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenizerSpec> ParseBpe(const Json& root, const Json& model,
                                       const TokenizerUse& use) {
  BpeSpec spec;
  VECNEST_RETURN_IF_ERROR(ReadBpeModel(model, &spec));
  VECNEST_RETURN_IF_ERROR(ReadBpeNormalizer(root, &spec));
  VECNEST_RETURN_IF_ERROR(ReadAddedTokens(root, &spec.added_tokens));
  if (use.special_tokens) VECNEST_RETURN_IF_ERROR(ReadTemplate(root, &spec));
  spec.drop_unknown = !use.unknown_tokens;
  return spec;
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

absl::StatusOr<TokenizerSpec> ParseTokenizerJson(const Json& root, const TokenizerUse& use) {
  VECNEST_ASSIGN_OR_RETURN(const Json model, root.Get("model"));
  VECNEST_ASSIGN_OR_RETURN(const std::string type, model.GetString("type"));
  if (type == "WordPiece") return ParseWordPiece(root, model, use);
  if (type == "BPE") return ParseBpe(root, model, use);
  return Unsupported(model, type, "WordPiece or BPE");
}

absl::StatusOr<TokenizerSpec> LoadTokenizerSpec(const std::string& directory,
                                                const TokenizerUse& use) {
  const std::string tokenizer_json = directory + "/tokenizer.json";
  const std::string vocab_txt = directory + "/vocab.txt";
  TokenizerSpec spec;
  if (Exists(tokenizer_json)) {
    VECNEST_ASSIGN_OR_RETURN(const Json root, Json::Load(tokenizer_json));
    VECNEST_ASSIGN_OR_RETURN(spec, ParseTokenizerJson(root, use));
  } else if (Exists(vocab_txt)) {
    VECNEST_RETURN_IF_ERROR(ReadVocabTxt(vocab_txt, &spec.emplace<WordPieceSpec>()));
  } else {
    return absl::NotFoundError(
        fmt::format("{}: neither tokenizer.json nor vocab.txt is there", directory));
  }
  if (auto* pieces = std::get_if<WordPieceSpec>(&spec)) {
    pieces->drop_unknown = !use.unknown_tokens;
    if (use.special_tokens) {
      VECNEST_RETURN_IF_ERROR(ApplyTokenizerConfig(directory + "/tokenizer_config.json", pieces));
    } else {
      pieces->first_token = "";
      pieces->last_token = "";
    }
  }
  return spec;
}

absl::StatusOr<std::unique_ptr<const Tokenizer>> CreateTokenizer(const TokenizerSpec& spec) {
  if (const auto* pieces = std::get_if<WordPieceSpec>(&spec)) {
    VECNEST_ASSIGN_OR_RETURN(WordPieceTokenizer tokenizer, WordPieceTokenizer::Create(*pieces));
    return std::make_unique<const WordPieceTokenizer>(std::move(tokenizer));
  }
  VECNEST_ASSIGN_OR_RETURN(BpeTokenizer tokenizer, BpeTokenizer::Create(std::get<BpeSpec>(spec)));
  return std::make_unique<const BpeTokenizer>(std::move(tokenizer));
}

}  // namespace vecnest::embedder
