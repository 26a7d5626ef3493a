// Which layer to read, and what a corpus asks of the table.

#include <algorithm>
#include <string_view>
#include <utility>

#include "embedder/architecture.h"
#include "embedder/inspection/hidden_layers.h"
#include "embedder/inspection/vectors.h"
#include "embedder/inspection/word_statistics.h"
#include "engine/conversions.h"
#include "engine/evaluation/correlation.h"
#include "engine/inspection/named_tokens.h"
#include "engine/inspection/reports.h"
#include "engine/refused_text.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

using embedder::Encoder;

// Read together: all layers of 128 texts, pooled, take a few megabytes.
constexpr size_t kBatchPairs = 64;

// Cosines of the pairs by reading, in the order of ReadLayers.
struct ReadingCosines {
  std::string name;
  std::vector<double> cosines;
};

void AddCosines(const std::vector<embedder::LayerReading>& readings,
                std::vector<ReadingCosines>* all) {
  all->resize(readings.size());
  for (size_t r = 0; r < readings.size(); ++r) {
    (*all)[r].name = readings[r].name;
    const auto& vectors = readings[r].vectors;
    for (size_t i = 0; i + 1 < vectors.size(); i += 2) {
      (*all)[r].cosines.push_back(
          embedder::Cosine(vectors[i].data(), vectors[i + 1].data(), vectors[i].size()));
    }
  }
}

// The error of a batch of pairs: that of the text which the model refuses, if it is one's.
absl::Status NamePair(const Encoder& encoder, const embedder::EncodeOptions& options,
                      const std::vector<std::string_view>& texts, size_t first_pair,
                      const absl::Status& status) {
  const auto refused = FindRefused(encoder, options, texts);
  if (!refused) return status;
  return {status.code(),
          fmt::format("pair {}: {}", first_pair + refused->index / 2 + 1, refused->reason)};
}

WordUseReport ToReport(const Encoder& encoder, const embedder::WordUse& use) {
  WordUseReport report;
  report.word = use.word;
  report.count = use.count;
  report.tokens = NameTokens(encoder, use.ids);
  if (use.rarest < 0) return report;
  const embedder::Architecture& architecture = *encoder.parts().architecture;
  std::vector<float> row(architecture.shape().width);
  architecture.TokenRow(use.rarest, row.data());
  report.rarest = NameToken(encoder, use.rarest);
  report.rarest_count = use.rarest_count;
  report.rarest_norm = embedder::Norm(row.data(), row.size());
  return report;
}

}  // namespace

absl::StatusOr<LayerScoresReport> ReportLayerScores(const Encoder& encoder,
                                                    const std::vector<TextPair>& pairs,
                                                    const InspectOptions& options,
                                                    const InspectProgress& progress) {
  if (auto status = embedder::ExpectLayers(encoder); !status.ok()) return status;
  if (pairs.size() < 2) {
    return absl::InvalidArgumentError(
        fmt::format("pairs: {}, expected at least 2: one has no order", pairs.size()));
  }
  embedder::EncodeOptions encode;
  encode.type = ToTextType(options.type);
  encode.prefix = options.prefix;
  const auto control = ToControl(embedder::Priority::kBulk, options.limits);
  const embedder::Pooling poolings[] = {encoder.parts().pooling, embedder::Pooling::kMean};
  std::vector<ReadingCosines> cosines[2];
  std::vector<double> scores;
  for (size_t begin = 0; begin < pairs.size(); begin += kBatchPairs) {
    std::vector<std::string_view> texts;
    const size_t end = std::min(begin + kBatchPairs, pairs.size());
    for (size_t i = begin; i < end; ++i) {
      texts.insert(texts.end(), {pairs[i].first, pairs[i].second});
      scores.push_back(pairs[i].score);
    }
    auto batch = encoder.Tokenize(texts, encode);
    if (!batch.ok()) return NamePair(encoder, encode, texts, begin, batch.status());
    auto readings = embedder::ReadLayers(encoder, *batch, poolings, control);
    if (!readings.ok()) return readings.status();
    for (size_t p = 0; p < readings->size(); ++p) AddCosines((*readings)[p], &cosines[p]);
    if (progress) progress(end, pairs.size());
  }
  LayerScoresReport report;
  report.model = NameModel(encoder);
  report.pooling = encoder.info().pooling;
  report.pairs = pairs.size();
  for (size_t r = 0; r < cosines[0].size(); ++r) {
    report.scores.push_back({cosines[0][r].name,
                             evaluation::Spearman(cosines[0][r].cosines, scores),
                             evaluation::Spearman(cosines[1][r].cosines, scores)});
  }
  return report;
}

absl::StatusOr<RareTokensReport> ReportRareTokens(const Encoder& encoder,
                                                  const Inspector::NextText& next,
                                                  const RareTokensOptions& options) {
  embedder::WordStatistics statistics(encoder);
  for (size_t i = 0;; ++i) {
    if (auto status = options.inspect.limits.Check(); !status.ok()) return status;
    auto text = next();
    if (!text.ok()) return text.status();
    if (!*text) break;
    if (auto status = statistics.Add(**text); !status.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("text {}: {}", i + 1, std::string(status.message())));
    }
  }
  embedder::CorpusUse use = statistics.Finish(options.limit, options.least_count);
  RareTokensReport report;
  report.model = NameModel(encoder);
  report.texts = use.texts;
  report.words = use.words;
  report.distinct_words = use.distinct_words;
  report.tokens = use.tokens;
  report.unknown_words = use.unknown_words;
  report.words_by_pieces = std::move(use.words_by_pieces);
  for (const auto& word : use.broken) report.broken.push_back(ToReport(encoder, word));
  for (const auto& word : use.rare) report.rare.push_back(ToReport(encoder, word));
  for (const embedder::FrequencyBand& band : use.bands) {
    report.bands.push_back({band.least, band.most, band.tokens, band.mean_norm});
  }
  return report;
}

}  // namespace vecnest::engine
