#include "index/code_scan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace vecnest::index {

std::vector<WalkedRow> CostsOfCodes(const CodeScorer& scorer, absl::Span<const uint32_t> rows,
                                    float limit) {
  constexpr size_t kAtOnce = 64;
  std::array<float, kAtOnce> costs;
  std::array<WalkedRow, kAtOnce> within;
  std::vector<WalkedRow> found;
  for (size_t first = 0; first < rows.size(); first += kAtOnce) {
    const absl::Span<const uint32_t> some = rows.subspan(first, kAtOnce);
    scorer.Costs(some, costs.data());
    // No branch on what cannot be guessed.
    size_t count = 0;
    for (size_t i = 0; i < some.size(); ++i) {
      within[count] = {costs[i], some[i]};
      count += costs[i] <= limit ? 1 : 0;
    }
    found.insert(found.end(), within.begin(), within.begin() + static_cast<ptrdiff_t>(count));
  }
  return found;
}

size_t RankedDepth(absl::Span<const WalkedRow> found, size_t wanted, size_t different) {
  size_t depth = 0;
  size_t seen = 0;
  for (; depth < found.size(); ++depth) {
    if (depth > 0 && found[depth].cost == found[depth - 1].cost) continue;
    if (++seen > different && depth >= wanted) break;
  }
  return depth;
}

void KeepRanked(std::vector<WalkedRow>& found, size_t wanted, size_t different) {
  // One beyond the depth tells that it ends there. More are put in order only when many are equal.
  const size_t expected = std::min(std::max(wanted, different), found.size()) + 1;
  for (size_t ordered = expected; ordered < found.size(); ordered *= 2) {
    const auto end = found.begin() + static_cast<ptrdiff_t>(ordered);
    std::partial_sort(found.begin(), end, found.end());
    const size_t depth = RankedDepth({found.data(), ordered}, wanted, different);
    if (depth < ordered) {
      found.resize(depth);
      return;
    }
  }
  std::sort(found.begin(), found.end());
  found.resize(RankedDepth(found, wanted, different));
}

size_t LikelyNearer(const CodeScorer& by_codes, const Scorer& by_vectors, const RankedCosts& ranked,
                    absl::Span<const WalkedRow> others, float bar) {
  // Of the reach of all but few errors.
  constexpr float kLikely = 0.625F;
  // As few as kFewestErrors tell them to be up to so many times as large by chance.
  constexpr float kByChance = 1.3F;
  if (!by_codes.HasShared()) return others.size();
  const auto shared = [&](float cost) { return by_codes.SharedOf(by_vectors.ScoreOf(cost)); };
  float squares = 0;
  for (size_t i = 0; i < ranked.found.size(); ++i) {
    const float error = by_codes.Shared(ranked.found[i].cost) - shared(ranked.costs[i]);
    squares += error * error;
  }
  const float seen = std::sqrt(squares / static_cast<float>(ranked.found.size()));
  const float worst = std::max(1.0F, seen / (kByChance * by_codes.SharedError()));
  const float limit = by_codes.CostWithin(shared(bar), kLikely * worst);
  const auto beyond = std::find_if(others.begin(), others.end(),
                                   [limit](const WalkedRow& row) { return row.cost > limit; });
  return static_cast<size_t>(beyond - others.begin());
}

void ScannedRuns::Add(const Rows& rows, const CodeScorer& scorer, std::vector<WalkedRow> found,
                      size_t different) {
  Run& run = runs_.emplace_back(Run{rows, std::move(found), {}, scorer.SharedError()});
  const auto middle = static_cast<ptrdiff_t>(nearest_.size());
  for (size_t i = 0; i < run.found.size(); ++i) {
    run.shared.push_back(scorer.Shared(run.found[i].cost));
    const bool counts = i == 0 || run.found[i].cost != run.found[i - 1].cost;
    if (counts && std::isfinite(run.shared.back())) nearest_.push_back(run.shared.back());
  }
  std::inplace_merge(nearest_.begin(), nearest_.begin() + middle, nearest_.end());
  const size_t most = different + runs_.size();
  if (nearest_.size() < most) return;
  nearest_.resize(most);
  bar_ = nearest_.back();
}

size_t ScannedRuns::Near(const Run& run) const {
  const float bar = CodeScorer::Reach(bar_, run.error);
  const auto beyond =
      std::find_if(run.shared.begin(), run.shared.end(), [bar](float cost) { return cost > bar; });
  return static_cast<size_t>(beyond - run.shared.begin());
}

}  // namespace vecnest::index
