#include "embedder/identity.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "embedder/pooling.h"

namespace vecnest::embedder {
namespace {

std::string HexOf(const XXH128_hash_t& hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

class Hasher {
 public:
  Hasher() : state_(XXH3_createState(), XXH3_freeState) { XXH3_128bits_reset(state_.get()); }

  // Lengths go first, so that "ab","c" and "a","bc" differ.
  void Add(const void* data, size_t size) {
    const uint64_t length = size;
    XXH3_128bits_update(state_.get(), &length, sizeof(length));
    XXH3_128bits_update(state_.get(), data, size);
  }
  void Add(std::string_view text) { Add(text.data(), text.size()); }
  void Add(int64_t number) { Add(&number, sizeof(number)); }

  void AddTokens(TokenList tokens) {
    std::sort(tokens.begin(), tokens.end());
    Add(static_cast<int64_t>(tokens.size()));
    for (const auto& [token, id] : tokens) {
      Add(token);
      Add(static_cast<int64_t>(id));
    }
  }

  std::string Hex() const { return HexOf(XXH3_128bits_digest(state_.get())); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

void AddTokenizer(const WordPieceSpec& tokenizer, Hasher* hasher) {
  hasher->AddTokens(tokenizer.vocabulary);
  hasher->AddTokens(tokenizer.added_tokens);
  const NormalizerSettings& settings = tokenizer.normalizer;
  for (const bool flag : {settings.clean_text, settings.handle_chinese_chars,
                          settings.strip_accents, settings.lowercase}) {
    hasher->Add(static_cast<int64_t>(flag));
  }
  hasher->Add(static_cast<int64_t>(settings.max_word_chars));
  for (const std::string& text : {tokenizer.continuation, tokenizer.unknown_token,
                                  tokenizer.first_token, tokenizer.last_token}) {
    hasher->Add(text);
  }
}

void AddTokenizer(const BpeSpec& tokenizer, Hasher* hasher) {
  hasher->Add("bpe");
  hasher->AddTokens(tokenizer.vocabulary);
  hasher->AddTokens(tokenizer.added_tokens);
  hasher->Add(static_cast<int64_t>(tokenizer.merges.size()));
  for (const auto& [left, right] : tokenizer.merges) {
    hasher->Add(left);
    hasher->Add(right);
  }
  hasher->Add(static_cast<int64_t>(tokenizer.normalizer.size()));
  for (const auto& [from, to] : tokenizer.normalizer) {
    hasher->Add(from);
    hasher->Add(to);
  }
  hasher->Add(tokenizer.unknown_token);
  hasher->Add(static_cast<int64_t>(tokenizer.fuse_unknown));
  hasher->Add(static_cast<int64_t>(tokenizer.byte_fallback));
  for (const auto* tokens : {&tokenizer.before, &tokenizer.after}) {
    hasher->Add(static_cast<int64_t>(tokens->size()));
    for (const std::string& token : *tokens) hasher->Add(token);
  }
}

}  // namespace

std::string ModelIdentity(const Architecture& architecture, const MappedFile& weights,
                          const TokenizerSpec* tokenizer, const ModelConfig& config,
                          int max_tokens) {
  Hasher hasher;
  hasher.Add("vecnest model 1");
  hasher.Add(architecture.name());
  hasher.Add(architecture.Settings());
  hasher.Add(weights.bytes().data(), weights.bytes().size());
  if (tokenizer == nullptr) {
    hasher.Add("words");
  } else {
    std::visit([&](const auto& spec) { AddTokenizer(spec, &hasher); }, *tokenizer);
  }
  hasher.Add(PoolingName(config.pooling));
  hasher.Add(static_cast<int64_t>(config.normalize));
  hasher.Add(static_cast<int64_t>(max_tokens));
  hasher.Add(config.query_prefix);
  hasher.Add(config.document_prefix);
  return hasher.Hex();
}

std::string ContentIdentity(std::string_view bytes) {
  return HexOf(XXH3_128bits(bytes.data(), bytes.size()));
}

}  // namespace vecnest::embedder
