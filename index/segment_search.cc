#include "index/segment_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "index/code_scan.h"
#include "index/code_scorer.h"
#include "index/filter_locality.h"
#include "index/graph_walk.h"
#include "index/nearest.h"
#include "index/ranking.h"
#include "index/row_filter.h"
#include "index/scorer.h"
#include "index/search_plan.h"

namespace vecnest::index {
namespace {

// The recall from which on nothing but a scan will do.
constexpr float kExactRecall = 0.9995F;

// Where the usual ef does not find so much of the nearest, and a larger one does, it is up to so
// many times as large.
constexpr float kFewestByDefault = 0.95F;
constexpr size_t kMostByDefault = 4;

constexpr size_t kScannedAtOnce = 1024;

// A search with a score threshold looks for as many as this, and for whatever else lies in range.
constexpr size_t kFewestInRange = 100;

// How many more than its places a walk keeps where vectors are equal, and so many of one cost.
constexpr size_t kMostPerPlace = 32;
constexpr size_t kFewestEqual = 32;

// Of a segment that grows, so many are scanned exactly: twice what is usually sealed at once.
constexpr size_t kFewGrowing = 16384;

// From so many in range on a scan is faster than keeping them in order.
constexpr size_t kMostInRange = 4096;

// A walk past what is not accepted keeps up to so many times as many as one of all that is. Of each
// it takes as long as a scan of so many rows. Of what surrounds a query so many more are looked at
// than the nearest would tell.
constexpr size_t kPlacesAway = 12;
constexpr double kScannedPerPlace = 8;
constexpr double kSpareAway = 1.5;

// How many accepted rows a filtered walk begins at: where a filter leaves only rows far from the
// query, a descent ends away from them.
constexpr size_t kSeeds = 16;

// One pass over all segments for the `wanted` nearest.
class Pass {
 public:
  // `query` is the one that the scorer was made of, whole. `total_rows`: of all segments.
  Pass(const SetView& view, const SearchParams& params, absl::Span<const float> query,
       absl::Span<const float> prefix_scales, const Scorer& scorer, bool graph_allowed,
       Renormalize renormalize, size_t total_rows, size_t wanted, SearchStats& stats)
      : view_(view),
        params_(params),
        query_(query),
        prefix_scales_(prefix_scales),
        scorer_(scorer),
        graph_allowed_(graph_allowed),
        renormalize_(renormalize),
        total_rows_(total_rows),
        wanted_(wanted),
        stats_(stats),
        ranking_(scorer, wanted, stats) {}

  Nearest& Run() {
    for (const SealedSegment* segment : LargestFirst()) {
      SearchSealed(*segment);
      searched_ += Live(segment->rows());
    }
    ScannedRuns runs;
    for (const auto& segment : view_.list->growing) SearchGrowing(*segment, runs);
    RankRuns(runs);
    return ranking_.nearest();
  }

  bool walked() const { return walked_; }
  bool scanned_codes() const { return scanned_codes_; }
  bool few_matches() const { return few_matches_; }
  bool no_graph() const { return no_graph_; }

 private:
  // What the largest have leaves the others less to do. Their sizes are taken once: rows may be
  // deleted meanwhile.
  std::vector<const SealedSegment*> LargestFirst() const {
    std::vector<std::pair<size_t, const SealedSegment*>> sized;
    for (const auto& segment : view_.list->sealed) {
      sized.emplace_back(Live(segment->rows()), segment.get());
    }
    std::stable_sort(sized.begin(), sized.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<const SealedSegment*> segments;
    for (const auto& [size, segment] : sized) segments.push_back(segment);
    return segments;
  }

  // Nothing farther than what scores so enters the answer any more. None while anything may, and
  // where the caller says how far to look.
  std::optional<float> ScoreToBeat() const {
    if (params_.ef > 0 || params_.rescored > 0 || params_.score_threshold) return std::nullopt;
    const std::optional<float> bar = ranking_.Bar();
    return bar ? std::optional(scorer_.ScoreOf(*bar)) : std::nullopt;
  }

  // The largest cost by its code of what may enter. `worst`: see CostWithin. None of prefixes: how
  // large their errors are depends on how much of each vector they hold.
  float Limit(const CodeScorer& scorer, float worst) const {
    const std::optional<float> score = ScoreToBeat();
    return score && scorer_.dimensions() == query_.size()
               ? scorer.CostWithin(scorer.SharedOf(*score), worst)
               : std::numeric_limits<float>::infinity();
  }

  void ScanAccepted(const Rows& rows, const RowFilter& filter) {
    if (params_.allowed != nullptr) {
      return ranking_.Rank(rows, AcceptedRows(rows, filter, *params_.allowed));
    }
    for (size_t first = 0; first < rows.count; first += kScannedAtOnce) {
      ranking_.Rank(rows,
                    AcceptedAmong(filter, first, std::min(first + kScannedAtOnce, rows.count)));
    }
  }

  static std::vector<uint32_t> AcceptedAmong(const RowFilter& filter, size_t first, size_t end) {
    std::vector<uint32_t> accepted;
    if (filter.AcceptsAll()) {
      accepted.resize(end - first);
      std::iota(accepted.begin(), accepted.end(), static_cast<uint32_t>(first));
      return accepted;
    }
    accepted.reserve(end - first);
    for (auto row = static_cast<uint32_t>(first); row < end; ++row) {
      if (filter.Accepts(row)) accepted.push_back(row);
    }
    return accepted;
  }

  void SearchGrowing(const GrowingSegment& segment, ScannedRuns& runs) {
    const std::vector<Rows> blocks = segment.Blocks();
    if (blocks.empty()) return;
    ++stats_.segments_scanned;
    // Few are scanned exactly, where that makes the whole answer exact.
    const bool many = walked_ || view_.list->growing.size() > 1 || segment.count() > kFewGrowing;
    const bool by_codes = graph_allowed_ && many && Serves(segment.metric());
    for (size_t i = 0; i < blocks.size(); ++i) {
      const Rows rows = blocks[i].Until(view_.as_of);
      const RowFilter filter(rows, view_.as_of, params_.allowed);
      size_t first = 0;
      if (by_codes) {
        for (const CodedRun& run : segment.CodedRuns(i)) {
          const size_t end = std::min(run.first + run.count, rows.count);
          if (first == end) break;
          ScanByCodes(rows, run, AcceptedAmong(filter, first, end), runs);
          first = end;
        }
      }
      ranking_.Rank(rows, AcceptedAmong(filter, first, rows.count));
    }
  }

  void ScanByCodes(const Rows& rows, const CodedRun& run, absl::Span<const uint32_t> accepted,
                   ScannedRuns& runs) {
    const CodeView& codes = run.codes;
    // All of them would be ranked anyway.
    if (accepted.size() <= Different(Fewest(), codes, 0)) return ranking_.Rank(rows, accepted);
    const CodeScorer scorer = ScorerOf(codes);
    stats_.distances += accepted.size();
    stats_.bytes += accepted.size() * scorer.bytes();
    scanned_codes_ = true;
    // Whatever is in range has to be ranked.
    const bool shared = !params_.score_threshold && run.all_fit && scorer.HasShared();
    std::vector<WalkedRow> found =
        shared
            ? CostsOfCodes(scorer, accepted, std::min(Limit(scorer, run.worst), runs.Limit(scorer)))
            : CostsOfCodes(scorer, accepted);
    size_t in_range = 0;
    if (params_.score_threshold) {
      const float range = scorer.CostOf(*params_.score_threshold);
      in_range = static_cast<size_t>(std::count_if(
          found.begin(), found.end(), [&](const WalkedRow& row) { return row.cost <= range; }));
    }
    const size_t wanted = Wanted(in_range);
    const size_t different = Different(wanted, codes, 0);
    KeepRanked(found, wanted, different);
    if (found.size() < accepted.size() && !IsWholeRange(in_range, accepted.size())) {
      ranking_.LeaveOut();
    }
    if (shared) {
      runs.Add(rows, scorer, std::move(found), std::max(wanted, different));
    } else {
      ranking_.RankFound(rows, found);
    }
  }

  void RankRuns(const ScannedRuns& runs) {
    const bool all = runs.ForEach([this](const Rows& rows, absl::Span<const WalkedRow> found) {
      ranking_.RankFound(rows, found);
    });
    if (!all) ranking_.LeaveOut();
  }

  void SearchSealed(const SealedSegment& segment) {
    const Rows rows = segment.rows();
    const RowFilter filter(rows, view_.as_of, params_.allowed);
    if (IsWorthWalking(segment, EstimatedMatches(rows)) && FindByWalk(segment, rows, filter)) {
      return;
    }
    ++stats_.segments_scanned;
    ScanAccepted(rows, filter);
  }

  // Whether graph and codes made for this metric are of use.
  bool Serves(Metric metric) const {
    return GraphServes(metric, scorer_.metric(), renormalize_ == Renormalize::kYes);
  }

  // Those that tell something of the dimensions that are searched.
  CodeView CodesOf(const SealedSegment& segment) const {
    const bool whole = scorer_.dimensions() == query_.size();
    return whole || segment.codes().HasPrefixes() ? segment.codes() : CodeView();
  }

  static size_t Live(const Rows& rows) {
    return rows.count - std::min(rows.count, rows.marks->count());
  }

  // As if every segment had its share of the allowed points.
  size_t EstimatedMatches(const Rows& rows) const {
    if (params_.allowed == nullptr) return Live(rows);
    const double share = static_cast<double>(rows.count) / static_cast<double>(total_rows_);
    const double estimate = share * static_cast<double>(params_.allowed->count());
    return std::min(Live(rows), static_cast<size_t>(std::ceil(estimate)));
  }

  size_t ChooseEf(const SealedSegment& segment, size_t wanted) const {
    const size_t dimensions = scorer_.dimensions();
    size_t ef =
        DefaultEf(wanted, segment.count(), dimensions, query_.size(), CodesOf(segment).format.bits);
    if (segment.recall().known()) {
      const auto measured = [&](float recall) {
        return EfForRecall(segment.recall().EfFor(recall), wanted, dimensions, query_.size());
      };
      if (params_.recall > 0) {
        // What was measured at the full width says less of walks to prefixes.
        ef = std::max(dimensions < query_.size() ? ef : 0, measured(params_.recall));
      } else if (dimensions == query_.size() && segment.codes().format.TellsErrors() &&
                 segment.recall().recall.back() >= kFewestByDefault) {
        // What a longer walk finds is ranked, and there is more to find.
        ef = std::max(ef, std::min(measured(kFewestByDefault), kMostByDefault * ef));
      }
    }
    return FilteredEf(ef, EstimatedMatches(segment.rows()), segment.count());
  }

  // So many are looked for whatever their scores.
  size_t Fewest() const {
    return params_.score_threshold ? std::min(wanted_, kFewestInRange) : wanted_;
  }

  // For finding `wanted` of a segment.
  size_t EfFor(const SealedSegment& segment, size_t wanted) const {
    size_t ef = params_.ef > 0 ? params_.ef : ChooseEf(segment, wanted);
    return std::max(
        {ef, wanted, params_.rescored == SearchParams::kAllFound ? 0 : params_.rescored});
  }

  bool IsWorthWalking(const SealedSegment& segment, size_t matches) {
    if (!graph_allowed_) return false;
    if (!Serves(segment.metric())) {
      no_graph_ = true;
      return false;
    }
    if (!ScanIsBetter(matches, segment.count(), EfFor(segment, Fewest()))) return true;
    few_matches_ = true;
    return false;
  }

  // Accepted rows spread over the segment.
  std::vector<uint32_t> Seeds(const Rows& rows, const RowFilter& filter) const {
    constexpr size_t kProbes = 1024;
    constexpr uint64_t kGoldenRatio = 2654435761U;
    std::vector<uint32_t> seeds;
    for (size_t i = 0; i < kProbes && seeds.size() < kSeeds; ++i) {
      const auto row = static_cast<uint32_t>(i * kGoldenRatio % rows.count);
      if (filter.Accepts(row)) seeds.push_back(row);
    }
    return seeds;
  }

  // What a walk of `ef` keeps. What beats `score` takes no place, and the list is shorter without
  // it.
  template <class RowScorer>
  PoolSize Kept(const RowScorer& scorer, const Rows& rows, size_t ef,
                const std::optional<float>& score) const {
    PoolSize kept;
    kept.places = ef;
    kept.most_equal = std::max(wanted_, kFewestEqual);
    kept.most_free = kMostPerPlace * ef;
    if (params_.score_threshold) {
      kept.range = scorer.CostOf(*params_.score_threshold);
      kept.most_in_range = std::min(wanted_, kMostInRange);
    }
    if (score) {
      kept.places = EfBeside(ef, Live(rows), searched_);
      kept.range = scorer.CostOf(*score);
      kept.most_in_range = ef - kept.places;
    }
    return kept;
  }

  template <class RowScorer>
  WalkResult Walk(const SealedSegment& segment, const Rows& rows, const RowFilter& filter,
                  const RowScorer& scorer, const PoolSize& kept, size_t max_distances) {
    WalkParams params;
    params.kept = kept;
    params.max_distances = max_distances;
    const bool seeded = params_.allowed != nullptr && !filter.AcceptsAll();
    const std::vector<uint32_t> seeds = seeded ? Seeds(rows, filter) : std::vector<uint32_t>();
    params.seeds = seeds;
    WalkResult walk = WalkGraph(segment.graph(), rows.count, scorer, filter, params);
    stats_.distances += walk.distances;
    stats_.bytes += walk.bytes;
    return walk;
  }

  // False when the rows have to be scanned instead.
  bool FindByWalk(const SealedSegment& segment, const Rows& rows, const RowFilter& filter) {
    const size_t ef = EfFor(segment, Fewest());
    const CodeView codes = CodesOf(segment);
    if (codes.empty() || params_.rescored == SearchParams::kAllFound) {
      const VectorScorer scorer(rows, scorer_);
      return FindByWalk(segment, rows, filter, ef, scorer, true,
                        [&](const WalkResult& walk) { ranking_.RankKnown(rows, walk.rows); });
    }
    const CodeScorer scorer = ScorerOf(codes);
    const bool told = scorer.TellsErrors() && params_.rescored == 0 && !params_.score_threshold;
    // Codes of 1 bit don't say how near a row is.
    const bool beats = codes.format.bits > 1;
    return FindByWalk(segment, rows, filter, ef, scorer, beats, [&](const WalkResult& walk) {
      const size_t wanted = Wanted(walk.in_range);
      if (told) return ranking_.RankByErrors(rows, scorer, walk.rows, Limit(scorer, 1));
      const size_t depth = RankedDepth(walk.rows, wanted, Different(wanted, codes, ef));
      ranking_.RankFound(rows, absl::MakeConstSpan(walk.rows).first(depth));
    });
  }

  // `beats`: whether costs tell that a row is nearer than what was found before. `rank` gets what
  // was walked to.
  template <class RowScorer, class RankWalked>
  bool FindByWalk(const SealedSegment& segment, const Rows& rows, const RowFilter& filter,
                  size_t ef, const RowScorer& scorer, bool beats, const RankWalked& rank) {
    // A filter may leave out of the largest segments what is near the query, and tells nothing of
    // this one then.
    const bool is_told = beats && params_.allowed == nullptr;
    const std::optional<float> score = is_told ? ScoreToBeat() : std::nullopt;
    if (!filter.AcceptsAll() && params_.allowed == nullptr) {
      const size_t places = EfPastDeleted(ef, Live(rows), rows.count);
      if (places <= kPlacesAway * ef &&
          FindByWalkPast(segment, rows, filter, ef, places, scorer, score, rank)) {
        return true;
      }
    }
    const Locality told = LocalityFor(segment, rows, filter, scorer);
    if (told.away) {
      // As if the share were that of what is a little farther, too.
      const double places = kSpareAway * static_cast<double>(ef) / told.share;
      return places <= static_cast<double>(kPlacesAway * ef) &&
             places * kScannedPerPlace < static_cast<double>(EstimatedMatches(rows)) &&
             FindByWalkPast(segment, rows, filter, ef, static_cast<size_t>(places), scorer, score,
                            rank);
    }
    const PoolSize kept = Kept(scorer, rows, ef, score);
    size_t most = Live(rows);
    if (params_.allowed != nullptr) most = std::min(most, params_.allowed->count());
    const WalkResult walk = Walk(segment, rows, filter, scorer, kept, 2 * most);
    // Fewer than it keeps: it could not get to the others.
    const size_t beside = score ? std::min(walk.in_range, kept.most_in_range) : 0;
    if (walk.gave_up || walk.rows.size() < kept.places + beside) return false;
    const bool in_order = walk.in_range < kMostInRange || wanted_ <= kMostInRange;
    if (params_.score_threshold && !in_order) return false;
    rank(walk);
    if (!IsWholeRange(walk.in_range, walk.rows.size())) ranking_.LeaveOut();
    SetWalked(ef);
    return true;
  }

  // Finds what is accepted among what a walk of so many places that takes no notice of the filter
  // finds. False when that is little for an ef.
  template <class RowScorer, class RankWalked>
  bool FindByWalkPast(const SealedSegment& segment, const Rows& rows, const RowFilter& filter,
                      size_t ef, size_t places, const RowScorer& scorer,
                      const std::optional<float>& score, const RankWalked& rank) {
    // How many of those in range a list holds does not tell how many of them are accepted.
    if (params_.score_threshold) return false;
    const size_t few = 3 * Kept(scorer, rows, ef, score).places / 4;
    const PoolSize kept = Kept(scorer, rows, places, score);
    WalkResult walk = Walk(segment, rows, RowFilter::All(), scorer, kept, rows.count);
    // Of more equal ones than a list keeps others may be accepted than those that it kept.
    if (MostOfOneCost(walk.rows) >= std::min(kept.places, rows.count)) return false;
    std::erase_if(walk.rows, [&](const WalkedRow& row) { return !filter.Accepts(row.row); });
    // With a score to beat there are as many as are wanted without these.
    if (walk.gave_up || walk.rows.size() < (score ? few : std::max(few, wanted_))) return false;
    rank(walk);
    ranking_.LeaveOut();
    SetWalked(ef);
    return true;
  }

  // Of rows in order.
  static size_t MostOfOneCost(absl::Span<const WalkedRow> rows) {
    size_t most = 0;
    for (size_t first = 0, i = 0; i < rows.size(); ++i) {
      if (rows[i].cost != rows[first].cost) first = i;
      most = std::max(most, i + 1 - first);
    }
    return most;
  }

  void SetWalked(size_t ef) {
    ++stats_.segments_walked;
    stats_.ef = std::max(stats_.ef, ef);
    walked_ = true;
  }

  // Whether what a filter accepts is where a walk to the query does not come by.
  template <class RowScorer>
  Locality LocalityFor(const SealedSegment& segment, const Rows& rows, const RowFilter& filter,
                       const RowScorer& scorer) {
    if (filter.AcceptsAll()) return {};
    const Locality told = LocalityOf(segment.graph(), rows.count, filter, scorer);
    stats_.distances += told.distances;
    stats_.bytes += told.bytes;
    return told;
  }

  CodeScorer ScorerOf(const CodeView& codes) const {
    return {codes, scorer_.metric(), query_, scorer_.dimensions(), renormalize_, prefix_scales_};
  }

  // How many are looked for when so many of what codes found are in range.
  size_t Wanted(size_t in_range) const {
    return params_.score_threshold ? std::clamp(in_range, Fewest(), wanted_) : wanted_;
  }

  // How many different ones are ranked for them.
  size_t Different(size_t wanted, const CodeView& codes, size_t ef) const {
    return params_.rescored > 0 ? params_.rescored
                                : DefaultRescored(wanted, scorer_.dimensions(), query_.size(),
                                                  codes.format.bits, ef);
  }

  // Whether what was left out of `found` rows is out of range.
  bool IsWholeRange(size_t in_range, size_t found) const {
    return params_.score_threshold && in_range < std::min(wanted_, found);
  }

  const SetView& view_;
  const SearchParams& params_;
  const absl::Span<const float> query_;
  const absl::Span<const float> prefix_scales_;
  const Scorer& scorer_;
  const bool graph_allowed_;
  const Renormalize renormalize_;
  const size_t total_rows_;
  const size_t wanted_;
  SearchStats& stats_;
  Ranking ranking_;
  size_t searched_ = 0;  // rows of the sealed segments before
  bool walked_ = false;
  bool scanned_codes_ = false;
  bool few_matches_ = false;
  bool no_graph_ = false;
};

std::string Strategy(const Pass& pass, const SearchParams& params, const SearchStats& stats) {
  if (pass.walked()) {
    const std::string name = params.allowed ? "filtered graph" : "graph";
    if (pass.scanned_codes()) return name + " and scan of codes";
    return stats.segments_scanned > 0 ? name + " and exact scan" : name;
  }
  if (pass.scanned_codes()) return "scan of codes";
  if (params.exact) return "exact scan (asked for)";
  if (pass.no_graph()) return "exact scan (no graph for this metric)";
  if (pass.few_matches()) return params.allowed ? "exact scan (few matches)" : "exact scan (small)";
  return "exact scan";
}

}  // namespace

std::vector<ScoredLabel> SearchSegments(const SetView& view, absl::Span<const float> query,
                                        const SearchParams& params, Metric metric, bool unit_norm,
                                        SearchStats& stats, absl::Span<const float> prefix_scales) {
  const size_t dimensions =
      params.dimensions == 0 ? query.size() : static_cast<size_t>(params.dimensions);
  const bool cut = dimensions < query.size();
  const Renormalize renormalize = unit_norm ? Renormalize::kYes : Renormalize::kNo;
  const Scorer scorer(metric, query, dimensions, renormalize, prefix_scales);
  // To a zero query all similarities are equal, and only a scan finds the first keys among them.
  const bool graph_allowed = !params.exact && params.recall < kExactRecall && !scorer.IsZeroQuery();
  size_t rows = 0;
  for (const Rows& block : view.Blocks()) rows += block.count;
  const size_t k = std::min(params.k, rows);
  std::vector<Candidate> found;
  // Rarely repeated: only when two versions of a key took two of the places, which can be while
  // an update is under way.
  for (size_t wanted = k; wanted > 0; wanted *= 2) {
    stats = {};
    Pass pass(view, params, query, prefix_scales, scorer, graph_allowed, renormalize, rows, wanted,
              stats);
    Nearest& nearest = pass.Run();
    const bool complete = !nearest.overflowed();
    found = nearest.TakeUnique();
    stats.exact = !pass.walked() && !pass.scanned_codes();
    stats.strategy = Strategy(pass, params, stats);
    if (found.size() >= k || complete || wanted >= rows) break;
  }
  stats.metric = metric;
  stats.dimensions = static_cast<int>(dimensions);
  stats.renormalized = cut && unit_norm && metric != Metric::kCosine;
  std::vector<ScoredLabel> answer;
  for (const Candidate& candidate : found) {
    if (answer.size() == k) break;
    if (params.score_threshold && !scorer.Passes(candidate.cost, *params.score_threshold)) break;
    answer.push_back({candidate.label, candidate.key, scorer.ScoreOf(candidate.cost)});
  }
  return answer;
}

}  // namespace vecnest::index
