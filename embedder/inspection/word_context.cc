#include "embedder/inspection/word_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "embedder/architecture.h"
#include "embedder/inspection/vectors.h"
#include "embedder/pooling.h"
#include "embedder/status_macros.h"
#include "embedder/tokenizer.h"
#include "embedder/unicode_rules.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsWordCharacter(char32_t c) {
  return !IsPunctuation(c) && !IsWhitespace(c) && !IsCjkIdeograph(c);
}

// Of valid UTF-8: whether what stands at, or before, a position goes on with a word.
bool WordGoesOn(std::string_view text, size_t position) {
  return position < text.size() && IsWordCharacter(DecodeUtf8(text, &position));
}
bool WordComesFrom(std::string_view text, size_t position) {
  if (position == 0) return false;
  do {
    --position;
  } while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
  return WordGoesOn(text, position);
}

// Where the word begins, whole.
std::optional<size_t> FindWord(std::string_view sentence, std::string_view word) {
  for (size_t from = 0; from + word.size() <= sentence.size(); ++from) {
    const bool equal =
        std::equal(word.begin(), word.end(), sentence.begin() + static_cast<ptrdiff_t>(from),
                   [](char a, char b) { return LowerAscii(a) == LowerAscii(b); });
    if (!equal) continue;
    const size_t end = from + word.size();
    const bool begins = !WordGoesOn(word, 0) || !WordComesFrom(sentence, from);
    const bool ends = !WordComesFrom(word, word.size()) || !WordGoesOn(sentence, end);
    if (begins && ends) return from;
  }
  return std::nullopt;
}

// Tokens before the word, and with it, are counted in what stands there: at the ends of words a
// tokenizer begins anew.
absl::StatusOr<TokenRange> FindTokens(const Encoder& encoder, std::string_view sentence,
                                      std::string_view word, const EncodeOptions& options) {
  if (FindInvalidUtf8(sentence) || FindInvalidUtf8(word)) {
    return absl::InvalidArgumentError("the text or the word is not valid UTF-8");
  }
  const auto begin = FindWord(sentence, word);
  if (!begin) {
    return absl::InvalidArgumentError(fmt::format("the word '{}' does not occur in it", word));
  }
  const std::string_view parts[] = {sentence.substr(0, *begin),
                                    sentence.substr(0, *begin + word.size())};
  VECNEST_ASSIGN_OR_RETURN(const TokenBatch counted, encoder.Tokenize(parts, options));
  const size_t after = encoder.parts().tokenizer->traits().after.size();
  const TokenRange range = {counted.offsets[1] - after,
                            counted.offsets[2] - counted.offsets[1] - after};
  if (range.begin < range.end) return range;
  return absl::InvalidArgumentError(fmt::format(
      "the word '{}' is unknown to {}, which reads nothing there", word, encoder.info().name));
}

absl::Status InSentence(size_t index, const absl::Status& status) {
  return {status.code(), fmt::format("sentences[{}]: {}", index, std::string(status.message()))};
}

using Vectors = std::vector<std::vector<float>>;

std::vector<double> Cosines(const Vectors& vectors) {
  std::vector<double> cosines;
  for (const std::vector<float>& a : vectors) {
    for (const std::vector<float>& b : vectors) {
      cosines.push_back(Cosine(a.data(), b.data(), a.size()));
    }
  }
  return cosines;
}

// Sum of the unit vectors of some rows.
std::vector<double> SumOfUnits(const float* rows, size_t count, size_t width) {
  std::vector<double> sum(width);
  for (size_t t = 0; t < count; ++t) {
    const float* row = rows + t * width;
    const double norm = Norm(row, width);
    for (size_t i = 0; norm > 0 && i < width; ++i) sum[i] += row[i] / norm;
  }
  return sum;
}

// The mean cosine over pairs of tokens of different sentences: the dot product of two sums of unit
// vectors is the sum over all pairs.
double Baseline(const std::vector<std::vector<double>>& sums, absl::Span<const size_t> offsets) {
  double total = 0;
  double pairs = 0;
  for (size_t a = 0; a < sums.size(); ++a) {
    for (size_t b = a + 1; b < sums.size(); ++b) {
      for (size_t i = 0; i < sums[a].size(); ++i) total += sums[a][i] * sums[b][i];
      pairs += static_cast<double>((offsets[a + 1] - offsets[a]) * (offsets[b + 1] - offsets[b]));
    }
  }
  return pairs > 0 ? total / pairs : 0;
}

Vectors TableVectors(const Architecture& architecture, const WordInContext& context) {
  const size_t width = architecture.shape().width;
  Vectors vectors;
  std::vector<float> rows;
  for (size_t s = 0; s < context.places.size(); ++s) {
    const TokenRange& place = context.places[s];
    rows.resize((place.end - place.begin) * width);
    for (size_t t = place.begin; t < place.end; ++t) {
      architecture.TokenRow(context.batch.ids[context.batch.offsets[s] + t],
                            rows.data() + (t - place.begin) * width);
    }
    vectors.push_back(
        PoolTokens(Pooling::kMean, rows.data(), place.end - place.begin, width, width, false));
  }
  return vectors;
}

}  // namespace

absl::StatusOr<WordInContext> CompareContexts(const Encoder& encoder, std::string_view word,
                                              absl::Span<const std::string_view> sentences,
                                              const EncodeOptions& options,
                                              const CallControl& control) {
  WordInContext context;
  for (size_t s = 0; s < sentences.size(); ++s) {
    const absl::Status readable = encoder.Tokenize(sentences.subspan(s, 1), options).status();
    if (!readable.ok()) return InSentence(s, readable);
    const auto place = FindTokens(encoder, sentences[s], word, options);
    if (!place.ok()) return InSentence(s, place.status());
    context.places.push_back(*place);
  }
  VECNEST_ASSIGN_OR_RETURN(context.batch, encoder.Tokenize(sentences, options));
  const Architecture& architecture = *encoder.parts().architecture;
  const size_t width = architecture.shape().width;
  const size_t layers = architecture.shape().layers + 1;
  std::vector<Vectors> words(layers, Vectors(sentences.size()));
  std::vector<std::vector<std::vector<double>>> sums(
      layers, std::vector<std::vector<double>>(sentences.size()));
  const auto& offsets = context.batch.offsets;
  VECNEST_RETURN_IF_ERROR(
      encoder.VisitStates(context.batch, control, [&](size_t s, size_t layer, const float* rows) {
        const TokenRange& place = context.places[s];
        words[layer][s] = PoolTokens(Pooling::kMean, rows + place.begin * width,
                                     place.end - place.begin, width, width, false);
        sums[layer][s] = SumOfUnits(rows, offsets[s + 1] - offsets[s], width);
      }));
  for (size_t layer = 0; layer < layers; ++layer) {
    context.layers.push_back({Cosines(words[layer]), Baseline(sums[layer], offsets)});
  }
  context.table = Cosines(TableVectors(architecture, context));
  return context;
}

}  // namespace vecnest::embedder
