#include "index/left_out_row.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "index/diverse_links.h"
#include "index/scorer.h"

namespace vecnest::index {
namespace {

// Adds to the links of a row, as long as there is room, those of the others that none of its links
// is nearer to. By exact distances: there are few.
void LinkAround(uint32_t row, absl::Span<const uint32_t> others, const Rows& rows,
                const GraphParams& params, absl::Span<uint32_t> block) {
  VectorBuffer buffer;
  VectorBuffer other_buffer;
  const auto scorer_of = [&](uint32_t from) {
    return Scorer(params.metric, {rows.Vector(from, buffer), params.dimensions}, params.dimensions,
                  Renormalize::kNo);
  };
  const auto cost = [&](const Scorer& scorer, uint32_t to) {
    return scorer.Cost(rows.Vector(to, other_buffer), rows.inverse_norms[to]);
  };
  std::vector<WalkedRow> links;
  for (uint32_t i = 1; i <= block[0]; ++i) links.push_back({0, block[i]});
  const auto is_linked = [&](uint32_t other) {
    return std::any_of(links.begin(), links.end(),
                       [other](const WalkedRow& link) { return link.row == other; });
  };
  std::vector<WalkedRow> candidates;
  const Scorer scorer = scorer_of(row);
  for (const uint32_t other : others) {
    if (other != row && !is_linked(other)) candidates.push_back({cost(scorer, other), other});
  }
  std::sort(candidates.begin(), candidates.end());
  for (const WalkedRow& candidate : candidates) {
    if (links.size() + 1 == block.size()) break;
    const Scorer from = scorer_of(candidate.row);
    if (!IsDiverse(candidate, links, [&](uint32_t link, uint32_t) { return cost(from, link); })) {
      continue;
    }
    links.push_back(candidate);
    block[links.size()] = candidate.row;
  }
  block[0] = static_cast<uint32_t>(links.size());
}

// The links of a row on a layer: how many, then as many as there may be.
absl::Span<uint32_t> BlockOf(BuiltGraph& graph, uint32_t row, int layer) {
  if (layer == 0) {
    const size_t size = 1 + 2 * graph.m;
    return {&graph.links[row * size], size};
  }
  const size_t size = 1 + graph.m;
  return {&graph.upper_links[(graph.upper_starts[row] + static_cast<size_t>(layer - 1)) * size],
          size};
}

absl::Span<const uint32_t> LinksOf(const GraphView& graph, uint32_t row, int layer) {
  return layer == 0 ? graph.Links(row) : graph.UpperLinks(row, layer);
}

}  // namespace

std::vector<std::vector<Referrer>> ReferrersOf(const BuiltGraph& graph,
                                               absl::Span<const uint32_t> rows) {
  std::vector<std::vector<Referrer>> referrers(rows.size());
  absl::flat_hash_map<uint32_t, size_t> index_of;
  for (size_t i = 0; i < rows.size(); ++i) index_of[rows[i]] = i;
  const GraphView view = graph.View();
  for (uint32_t row = 0; row < graph.levels.size(); ++row) {
    for (int layer = 0; layer <= graph.levels[row]; ++layer) {
      for (const uint32_t link : LinksOf(view, row, layer)) {
        const auto found = index_of.find(link);
        if (found != index_of.end()) referrers[found->second].push_back({row, layer});
      }
    }
  }
  return referrers;
}

LeftOutRow::LeftOutRow(BuiltGraph& graph, const Rows& rows, const GraphParams& params, uint32_t row,
                       absl::Span<const Referrer> referrers) {
  const GraphView view = graph.View();
  for (const Referrer& referrer : referrers) {
    const absl::Span<uint32_t> block = BlockOf(graph, referrer.row, referrer.layer);
    saved_.push_back({block, {block.begin(), block.end()}});
    uint32_t* const end = std::remove(block.begin() + 1, block.begin() + 1 + block[0], row);
    block[0] = static_cast<uint32_t>(end - block.begin() - 1);
    LinkAround(referrer.row, LinksOf(view, row, referrer.layer), rows, params, block);
  }
}

LeftOutRow::~LeftOutRow() {
  for (const Saved& saved : saved_) {
    std::copy(saved.content.begin(), saved.content.end(), saved.block.begin());
  }
}

}  // namespace vecnest::index
