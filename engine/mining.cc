#include "vecnest/mining.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "engine/bm25.h"
#include "fmt/format.h"

namespace vecnest {
namespace {

using Document = MiningSource::Document;
using Neighbor = MiningSource::Neighbor;

// Pairs that are mined together: their questions are encoded in one batch.
constexpr size_t kPairsPerBatch = 64;
// Texts that are looked at for each negative that is wanted: some are the same as others.
constexpr size_t kTextsPerNegative = 2;
// What reading the collection takes of the whole time, about.
constexpr double kShareOfReading = 0.2;

// The documents that say a text.
using IdsByText = absl::flat_hash_map<std::string_view, std::vector<PointId>>;
using IdSet = std::vector<PointId>;  // sorted

absl::Status Check(const std::vector<LabelledPair>& pairs, const MiningOptions& options) {
  if (options.negatives < 1 || options.negatives > MiningOptions::kMostNegatives) {
    return absl::InvalidArgumentError(fmt::format(
        "negatives: {}, expected 1 to {}", options.negatives, MiningOptions::kMostNegatives));
  }
  if (options.depth < 1 || options.depth > MiningOptions::kMostDepth) {
    return absl::InvalidArgumentError(
        fmt::format("depth: {}, expected 1 to {}", options.depth, MiningOptions::kMostDepth));
  }
  if (!(options.margin >= 0 && options.margin <= 1)) {
    return absl::InvalidArgumentError(fmt::format("margin: {}, expected 0 to 1", options.margin));
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (!pairs[i].query.empty() && !pairs[i].positive.empty()) continue;
    return absl::InvalidArgumentError(fmt::format("pair {}: its {} is empty", i + 1,
                                                  pairs[i].query.empty() ? "query" : "positive"));
  }
  return absl::OkStatus();
}

class Miner {
 public:
  Miner(MiningSource& source, const std::vector<LabelledPair>& pairs, const MiningOptions& options,
        const MiningProgress& progress)
      : source_(source), pairs_(pairs), options_(options), progress_(progress) {}

  absl::StatusOr<MiningResult> Run() {
    for (const LabelledPair& pair : pairs_) {
      positives_.try_emplace(pair.positive);
      of_query_[pair.query].push_back(&pair);
    }
    if (auto status = ReadDocuments(); !status.ok()) return status;
    for (size_t begin = 0; begin < pairs_.size(); begin += kPairsPerBatch) {
      const double share = static_cast<double>(begin) / static_cast<double>(pairs_.size());
      if (auto status = progress_(kShareOfReading + (1 - kShareOfReading) * share); !status.ok()) {
        return status;
      }
      const auto batch = absl::MakeConstSpan(pairs_).subspan(begin, kPairsPerBatch);
      if (auto status = MineBatch(batch); !status.ok()) return status;
    }
    if (auto status = progress_(1); !status.ok()) return status;
    return std::move(result_);
  }

 private:
  // What is known of a pair's candidates.
  struct Candidates {
    const LabelledPair* pair = nullptr;
    IdSet positives;           // of all pairs of its query
    std::vector<PointId> ids;  // in the order they are to be tried
    std::map<PointId, float> cosines;
    std::optional<float> positive_cosine;
  };

  absl::Status ReadDocuments() {
    if (options_.method != MiningMethod::kModel) {
      auto bm25 = engine::Bm25Index::Create({.language = options_.language});
      if (!bm25.ok()) return bm25.status();
      bm25_ = *std::move(bm25);
    }
    auto expected = source_.CountDocuments();
    if (!expected.ok()) return expected.status();
    while (true) {
      const double read = static_cast<double>(result_.documents + result_.without_text);
      const double share =
          std::min(1.0, read / static_cast<double>(std::max<uint64_t>(*expected, 1)));
      if (auto status = progress_(kShareOfReading * share); !status.ok()) return status;
      auto documents = source_.NextDocuments();
      if (!documents.ok()) return documents.status();
      if (documents->empty()) return absl::OkStatus();
      for (const Document& document : *documents) {
        if (auto status = TakeDocument(document); !status.ok()) return status;
      }
    }
  }

  absl::Status TakeDocument(const Document& document) {
    if (!document.text || document.text->empty()) {
      ++result_.without_text;
      return absl::OkStatus();
    }
    ++result_.documents;
    const auto positive = positives_.find(*document.text);
    if (positive != positives_.end()) positive->second.push_back(document.id);
    if (bm25_ == nullptr) return absl::OkStatus();
    ids_.push_back(document.id);
    return bm25_->Add(*document.text);
  }

  absl::Status MineBatch(absl::Span<const LabelledPair> pairs) {
    std::vector<Candidates> batch;
    for (const LabelledPair& pair : pairs) {
      if (positives_[pair.positive].empty()) {
        ++result_.unknown;
        continue;
      }
      Candidates candidates;
      candidates.pair = &pair;
      for (const LabelledPair* other : of_query_[pair.query]) {
        const std::vector<PointId>& ids = positives_[other->positive];
        candidates.positives.insert(candidates.positives.end(), ids.begin(), ids.end());
      }
      std::sort(candidates.positives.begin(), candidates.positives.end());
      batch.push_back(std::move(candidates));
    }
    if (auto status = FindByModel(batch); !status.ok()) return status;
    if (auto status = FindByWords(batch); !status.ok()) return status;
    if (auto status = ScoreAll(batch); !status.ok()) return status;
    for (Candidates& candidates : batch) {
      if (auto status = Choose(candidates); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status FindByModel(std::vector<Candidates>& batch) {
    if (options_.method == MiningMethod::kBm25) return absl::OkStatus();
    std::vector<MiningSource::Question> questions;
    for (const Candidates& candidates : batch) {
      const size_t limit = options_.depth + candidates.positives.size();
      questions.push_back({.query = candidates.pair->query, .limit = limit});
    }
    auto nearest = source_.FindNearest(questions);
    if (!nearest.ok()) return nearest.status();
    for (size_t i = 0; i < batch.size(); ++i) {
      for (const Neighbor& neighbor : (*nearest)[i]) {
        batch[i].cosines[neighbor.id] = neighbor.cosine;
        if (!IsPositive(batch[i], neighbor.id)) batch[i].ids.push_back(neighbor.id);
      }
    }
    return absl::OkStatus();
  }

  // Puts what has the question's words between what was found so far.
  absl::Status FindByWords(std::vector<Candidates>& batch) {
    if (bm25_ == nullptr) return absl::OkStatus();
    for (Candidates& candidates : batch) {
      auto hits =
          bm25_->Search(candidates.pair->query, options_.depth + candidates.positives.size());
      if (!hits.ok()) return hits.status();
      std::vector<PointId> merged;
      std::set<PointId> seen;
      const auto take = [&](const PointId& id) {
        if (!IsPositive(candidates, id) && seen.insert(id).second) merged.push_back(id);
      };
      for (size_t rank = 0; rank < std::max(hits->size(), candidates.ids.size()); ++rank) {
        if (rank < hits->size()) take(ids_[(*hits)[rank].document]);
        if (rank < candidates.ids.size()) take(candidates.ids[rank]);
      }
      candidates.ids = std::move(merged);
    }
    return absl::OkStatus();
  }

  // The cosines that are not known yet.
  absl::Status ScoreAll(std::vector<Candidates>& batch) {
    std::vector<MiningSource::Question> questions;
    std::vector<Candidates*> asked;
    for (Candidates& candidates : batch) {
      std::vector<PointId> among;
      const auto ask = [&](const PointId& id) {
        if (!candidates.cosines.contains(id)) among.push_back(id);
      };
      for (const PointId& id : candidates.ids) ask(id);
      for (const PointId& id : positives_[candidates.pair->positive]) ask(id);
      if (among.empty()) continue;
      const size_t limit = among.size();
      questions.push_back({candidates.pair->query, limit, std::move(among)});
      asked.push_back(&candidates);
    }
    auto nearest = source_.FindNearest(questions);
    if (!nearest.ok()) return nearest.status();
    for (size_t i = 0; i < asked.size(); ++i) {
      for (const auto& [id, cosine] : (*nearest)[i]) asked[i]->cosines[id] = cosine;
    }
    for (Candidates& candidates : batch) {
      for (const PointId& id : positives_[candidates.pair->positive]) {
        const auto cosine = candidates.cosines.find(id);
        if (cosine == candidates.cosines.end()) continue;
        candidates.positive_cosine =
            std::max(candidates.positive_cosine.value_or(-1), cosine->second);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Choose(const Candidates& candidates) {
    if (!candidates.positive_cosine) {  // it was deleted, or has no vector
      ++result_.unknown;
      return absl::OkStatus();
    }
    const float positive = *candidates.positive_cosine;
    // So that less is asked for where the cosine is negative, too.
    const auto limit = static_cast<float>(positive - (1 - options_.margin) * std::abs(positive));
    std::vector<PointId> survivors;
    for (const PointId& id : candidates.ids) {
      const auto cosine = candidates.cosines.find(id);
      if (cosine == candidates.cosines.end()) continue;
      if (cosine->second >= limit) {
        ++result_.near_positive;
      } else {
        survivors.push_back(id);
      }
    }
    MinedPair mined{candidates.pair->query, candidates.pair->positive, {}};
    absl::flat_hash_set<std::string> taken = {mined.query};
    for (const LabelledPair* other : of_query_[mined.query]) taken.insert(other->positive);
    // More are read only where some say the same, or nothing.
    const size_t block = kTextsPerNegative * options_.negatives;
    for (size_t next = 0; next < survivors.size() && mined.negatives.size() < options_.negatives;
         next += block) {
      const auto begin = survivors.begin() + static_cast<ptrdiff_t>(next);
      const size_t count = std::min(block, survivors.size() - next);
      auto documents = source_.FindDocuments({begin, begin + static_cast<ptrdiff_t>(count)});
      if (!documents.ok()) return documents.status();
      for (const Document& document : *documents) {
        if (mined.negatives.size() == options_.negatives) break;
        if (!document.text || document.text->empty()) continue;
        if (taken.insert(*document.text).second) mined.negatives.push_back(*document.text);
      }
    }
    if (mined.negatives.size() == options_.negatives) {
      result_.pairs.push_back(std::move(mined));
    } else {
      ++result_.too_few;
    }
    return absl::OkStatus();
  }

  static bool IsPositive(const Candidates& candidates, const PointId& id) {
    return std::binary_search(candidates.positives.begin(), candidates.positives.end(), id);
  }

  MiningSource& source_;
  const std::vector<LabelledPair>& pairs_;
  const MiningOptions& options_;
  const MiningProgress& progress_;
  MiningResult result_;
  IdsByText positives_;
  absl::flat_hash_map<std::string_view, std::vector<const LabelledPair*>> of_query_;
  std::unique_ptr<engine::Bm25Index> bm25_;  // null: not asked for
  std::vector<PointId> ids_;                 // by the number of bm25_'s texts
};

}  // namespace

absl::StatusOr<MiningResult> MineNegatives(MiningSource& source,
                                           const std::vector<LabelledPair>& pairs,
                                           const MiningOptions& options,
                                           const MiningProgress& progress) {
  if (auto status = Check(pairs, options); !status.ok()) return status;
  return Miner(source, pairs, options, progress).Run();
}

}  // namespace vecnest
