// Looking for the nearest of a row along the links of a graph, for those who choose its links
// (hnsw_builder.h, graph_refiner.h).
#ifndef VECNEST_INDEX_NEIGHBOUR_SEARCH_H_
#define VECNEST_INDEX_NEIGHBOUR_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "index/walk_lists.h"

namespace vecnest::index {

// `Distance` is one of row_distance.h. Used by one thread, again and again.
template <class Distance>
class NeighbourSearch {
 public:
  // The nearest `places` other rows that links lead to from `starts`, nearest first, until the next
  // search. `count` is how many rows there are. `Links` has Copy(row, links), which gives the links
  // of a row, and Prefetch(row), which asks for them.
  template <class Links>
  const std::vector<WalkedRow>& Find(const Distance& distance, size_t count, uint32_t row,
                                     absl::Span<const uint32_t> starts, size_t places,
                                     const Links& links) {
    visited_.Start(count);
    visited_.Visit(row);
    pool_.Start({.places = places});
    from_.Start(distance, row);
    Meet(distance, starts, fresh_);
    Offer();
    // As in graph_walk.cc the row after the present one is chosen without waiting for what that one
    // leads to.
    for (bool ahead = false; ahead || Ask(distance, links);) {
      fresh_.swap(fresh_ahead_);
      ahead = Ask(distance, links);
      Offer();
      pool_.ForNext(kLinksAhead, [&links](uint32_t next) { links.Prefetch(next); });
    }
    pool_.CopyTo(found_);
    return found_;
  }

 private:
  void Meet(const Distance& distance, absl::Span<const uint32_t> rows,
            std::vector<uint32_t>& fresh) {
    fresh.resize(rows.size());
    fresh.resize(visited_.VisitAll(rows, fresh.data()));
    for (const uint32_t row : fresh) distance.Prefetch(row);
  }

  // Takes the next row for expanded and asks for its neighbours; false when there is none.
  template <class Links>
  bool Ask(const Distance& distance, const Links& links) {
    const std::optional<uint32_t> row = pool_.TakeNext();
    if (!row) return false;
    links.Copy(*row, links_);
    Meet(distance, links_, fresh_ahead_);
    return true;
  }

  void Offer() {
    if (distances_.size() < fresh_.size()) distances_.resize(fresh_.size());
    from_.To(fresh_, distances_.data());
    pool_.Offer(fresh_, distances_.data());
  }

  VisitedRows visited_;
  Pool pool_;
  typename Distance::FromRow from_;
  std::vector<uint32_t> links_;
  std::vector<uint32_t> fresh_;        // neighbours of the row that is expanded, not met before
  std::vector<uint32_t> fresh_ahead_;  // and of the one after it
  std::vector<float> distances_;
  std::vector<WalkedRow> found_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_NEIGHBOUR_SEARCH_H_
