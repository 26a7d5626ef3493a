#include "index/ranking.h"

#include <algorithm>

#include "index/code_scan.h"

namespace vecnest::index {
namespace {

// How many rows ahead a scan prefetches.
constexpr size_t kAhead = 3;

// Beyond what may enter by its code so many rows are ranked at a time, as long as one enters.
constexpr size_t kRankedBeyond = 4;

}  // namespace

float Ranking::CostOf(const Rows& rows, uint32_t row) {
  ++stats_.distances;
  stats_.bytes += scorer_.dimensions() * ValueBytes(rows.format);
  return scorer_.Cost(rows.Vector(row, buffer_), rows.inverse_norms[row]);
}

// False: it is too far.
bool Ranking::Offer(const Rows& rows, uint32_t row, float cost) {
  ++stats_.candidates;
  if (!nearest_.Admits(cost)) {
    nearest_.Reject();
    return false;
  }
  nearest_.Offer({cost, Load(rows.keys[row]), rows.labels[row]});
  return true;
}

void Ranking::Rank(const Rows& rows, absl::Span<const uint32_t> ranked) {
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i + kAhead < ranked.size()) rows.Prefetch(ranked[i + kAhead], scorer_.dimensions());
    Offer(rows, ranked[i], CostOf(rows, ranked[i]));
  }
}

void Ranking::RankKnown(const Rows& rows, absl::Span<const WalkedRow> found) {
  for (const WalkedRow& row : found) Offer(rows, row.row, row.cost);
}

size_t Ranking::RankFound(const Rows& rows, absl::Span<const WalkedRow> found) {
  for (const WalkedRow& row : found) rows.PrefetchPoint(row.row);
  for (const WalkedRow& row : found) rows.Prefetch(row.row, scorer_.dimensions());
  size_t entered = 0;
  costs_.resize(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    costs_[i] = CostOf(rows, found[i].row);
    if (Offer(rows, found[i].row, costs_[i])) entered = i + 1;
  }
  return entered;
}

// Those of a cost up to `limit`, and what comes after them as long as it is nearer than its codes
// say: of rows that are unlike most of a segment they may say little. Whether these were all.
bool Ranking::RankWithin(const Rows& rows, absl::Span<const WalkedRow> found, float limit) {
  const auto within =
      static_cast<size_t>(std::find_if(found.begin(), found.end(),
                                       [limit](const WalkedRow& row) { return row.cost > limit; }) -
                          found.begin());
  size_t end = std::min(within + kRankedBeyond, found.size());
  bool nearer = RankFound(rows, found.first(end)) > within;
  while (nearer && end < found.size()) {
    const absl::Span<const WalkedRow> next = found.subspan(end, kRankedBeyond);
    nearer = RankFound(rows, next) > 0;
    end += next.size();
  }
  return end == found.size();
}

void Ranking::RankByErrors(const Rows& rows, const CodeScorer& by_codes,
                           absl::Span<const WalkedRow> found, float limit) {
  const size_t first = std::min(std::max(wanted_, kFewestErrors), found.size());
  if (!RankWithin(rows, found.first(first), limit) || first == found.size()) return;
  absl::Span<const WalkedRow> others = found.subspan(first);
  const std::optional<float> bar = nearest_.Bar();
  // Of those ranked last: of few where some beyond the limit were ranked.
  if (bar && costs_.size() >= kFewestErrors) {
    const RankedCosts ranked{found.first(first).last(costs_.size()), costs_};
    others = others.first(LikelyNearer(by_codes, scorer_, ranked, others, *bar));
  }
  RankFound(rows, others);
}

}  // namespace vecnest::index
