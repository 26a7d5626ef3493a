#include "embedder/inspection/word_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "embedder/architecture.h"
#include "embedder/inspection/vectors.h"
#include "embedder/tokenizer.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

constexpr std::string_view kSeparators = " \t\r\n\v\f!\"#$%&()*+,./:;<=>?@[\\]^_`{|}~";
constexpr std::string_view kInnerMarks = "'-";
// Stretches without a blank that are no words, such as encoded data.
constexpr size_t kMostWordBytes = 100;

std::string_view WithoutMarks(std::string_view word) {
  const size_t begin = word.find_first_not_of(kInnerMarks);
  if (begin == std::string_view::npos) return "";
  return word.substr(begin, word.find_last_not_of(kInnerMarks) + 1 - begin);
}

// Keeps the `limit` first of `uses` by `before`.
template <typename Before>
std::vector<WordUse> FirstBy(std::vector<WordUse>& uses, size_t limit, Before before) {
  const auto end = uses.begin() + static_cast<ptrdiff_t>(std::min(limit, uses.size()));
  std::partial_sort(uses.begin(), end, uses.end(), before);
  return {uses.begin(), end};
}

// More frequent first, then by the alphabet.
bool IsMoreFrequent(const WordUse& a, const WordUse& b) {
  return a.count != b.count ? a.count > b.count : a.word < b.word;
}

}  // namespace

WordStatistics::WordStatistics(const Encoder& encoder) : encoder_(encoder) {
  const std::vector<int32_t> lower = TokensOf("the");
  folds_case_ = !lower.empty() && lower == TokensOf("THE");
  // A sign of Linear A is in nobody's vocabulary.
  const std::vector<int32_t> unknown = TokensOf("\U00010600");
  if (unknown.size() == 1) unknown_ = unknown.front();
}

std::vector<int32_t> WordStatistics::TokensOf(std::string_view word) const {
  const Tokenizer& tokenizer = *encoder_.parts().tokenizer;
  std::vector<int32_t> ids;
  tokenizer.Tokenize(word, std::numeric_limits<int32_t>::max(), &ids);
  if (const auto dropped = tokenizer.traits().dropped_id) {
    ids.erase(std::remove(ids.begin(), ids.end(), *dropped), ids.end());
  }
  return ids;
}

absl::Status WordStatistics::Add(std::string_view text) {
  if (const auto bad = FindInvalidUtf8(text)) {
    return absl::InvalidArgumentError(fmt::format("the text is not valid UTF-8 at byte {}", *bad));
  }
  ++texts_;
  std::string word;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    word = WithoutMarks(text.substr(begin, end - begin));
    begin = end + 1;
    if (word.empty() || word.size() > kMostWordBytes) continue;
    if (folds_case_) {
      std::transform(word.begin(), word.end(), word.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
    }
    ++counts_[word];
  }
  return absl::OkStatus();
}

std::vector<FrequencyBand> WordStatistics::Bands(const std::vector<uint64_t>& counts) const {
  constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
  std::vector<FrequencyBand> bands = {{0, 0},     {1, 1},       {2, 9},        {10, 99},
                                      {100, 999}, {1000, 9999}, {10000, kNone}};
  const Architecture& architecture = *encoder_.parts().architecture;
  std::vector<float> row(architecture.shape().width);
  for (size_t id = 0; id < counts.size(); ++id) {
    if (encoder_.vocabulary().IsSpecial(static_cast<int32_t>(id))) continue;
    const auto band = std::find_if(bands.begin(), bands.end(), [&](const FrequencyBand& b) {
      return counts[id] >= b.least && counts[id] <= b.most;
    });
    architecture.TokenRow(static_cast<int32_t>(id), row.data());
    ++band->tokens;
    band->mean_norm += Norm(row.data(), row.size());
  }
  for (FrequencyBand& band : bands) {
    if (band.tokens > 0) band.mean_norm /= static_cast<double>(band.tokens);
  }
  return bands;
}

CorpusUse WordStatistics::Finish(size_t limit, uint64_t least_count) const {
  CorpusUse result;
  result.texts = texts_;
  result.distinct_words = counts_.size();
  std::vector<WordUse> uses;
  uses.reserve(counts_.size());
  std::vector<uint64_t> token_counts(encoder_.parts().architecture->shape().vocabulary);
  for (const auto& [word, count] : counts_) {
    WordUse use = {word, count, TokensOf(word)};
    for (const int32_t id : use.ids) token_counts[static_cast<size_t>(id)] += count;
    const size_t pieces = use.ids.size();
    if (result.words_by_pieces.size() <= pieces) result.words_by_pieces.resize(pieces + 1);
    result.words_by_pieces[pieces] += count;
    result.words += count;
    result.tokens += count * pieces;
    const bool unknown =
        use.ids.empty() ||
        (unknown_ >= 0 && std::find(use.ids.begin(), use.ids.end(), unknown_) != use.ids.end());
    if (unknown) result.unknown_words += count;
    if (count >= least_count) uses.push_back(std::move(use));
  }
  for (WordUse& use : uses) {
    for (const int32_t id : use.ids) {
      const uint64_t count = token_counts[static_cast<size_t>(id)];
      const bool rarer = count < use.rarest_count || (count == use.rarest_count && id > use.rarest);
      if (use.rarest >= 0 && !rarer) continue;
      use.rarest = id;
      use.rarest_count = count;
    }
  }
  result.broken = FirstBy(uses, limit, [](const WordUse& a, const WordUse& b) {
    return a.ids.size() != b.ids.size() ? a.ids.size() > b.ids.size() : IsMoreFrequent(a, b);
  });
  uses.erase(
      std::remove_if(uses.begin(), uses.end(), [](const WordUse& use) { return use.rarest < 0; }),
      uses.end());
  result.rare = FirstBy(uses, limit, [](const WordUse& a, const WordUse& b) {
    if (a.rarest_count != b.rarest_count) return a.rarest_count < b.rarest_count;
    return a.rarest != b.rarest ? a.rarest > b.rarest : IsMoreFrequent(a, b);
  });
  result.bands = Bands(token_counts);
  return result;
}

}  // namespace vecnest::embedder
