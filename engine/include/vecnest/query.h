// Nearest-neighbour queries.
#ifndef VECNEST_QUERY_H_
#define VECNEST_QUERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vecnest/filter.h"
#include "vecnest/types.h"

namespace vecnest {

struct Query {
  // A vector, a text (embedded as a query), or the id of a point whose vector is taken and which
  // is left out of the answer. Unset: no ranking, points in the order of their ids.
  std::optional<std::variant<std::vector<float>, Text, PointId>> nearest;
  std::string vector_name;  // which named vector is searched
  std::optional<Filter> filter;
  size_t limit = 10;
  size_t offset = 0;
  std::optional<float> score_threshold;  // inclusive, in the metric's own sense
  PayloadSelector with_payload;
  VectorSelector with_vectors;

  // First `dimensions` components of query and vectors; 0: all. Scores are those of that width.
  int dimensions = 0;
  std::optional<Metric> metric;  // the vector's default metric when unset
  // How well graphs are searched; what is not given is chosen. Scores are exact however little.
  // Wanted share of the true answer, e.g. 0.95, from what was measured at the full width; at fewer
  // dimensions as far as by default or farther. 0: the default, about 0.98 of texts' vectors.
  float recall = 0;
  size_t hnsw_ef = 0;  // candidates of the graph walk, instead of `recall`
  // Candidates ranked by their vectors and not only by their codes, as a multiple of limit +
  // offset; 0: chosen by the codes. Infinity: graphs are walked by the vectors, and codes take no
  // part.
  double oversampling = 0;
  bool exact = false;    // look at every vector
  bool explain = false;  // fill QueryAnswer::plan
};

// How an answer was found.
struct QueryPlan {
  Metric metric = Metric::kCosine;
  int dimensions = 0;
  // Prefixes were scaled back to unit length (always so under cosine).
  bool renormalized = false;
  std::string strategy;  // in words
  bool exact = false;    // nothing approximate took part
  uint64_t segments = 0;
  uint64_t hnsw_ef = 0;     // of the walks; 0: nothing was walked
  uint64_t candidates = 0;  // ranked by their vectors
  uint64_t distances = 0;
  // Of a filter: points that pass, fields whose payload indexes took part, fields that were looked
  // up in payloads, and how many payloads were read for it.
  std::optional<uint64_t> filter_matches;
  std::vector<std::string> filter_indexed;
  std::vector<std::string> filter_unindexed;
  uint64_t filter_payloads = 0;
  // Seconds per stage.
  double embed_seconds = 0;
  double filter_seconds = 0;
  double search_seconds = 0;
  double fetch_seconds = 0;
};

struct QueryAnswer {
  std::vector<ScoredPoint> points;  // best first; equal scores by id
  std::optional<QueryPlan> plan;
  // Of the query's text, when it was one.
  int tokens = 0;
  bool truncated = false;
  std::optional<ModelUsage> usage;
};

}  // namespace vecnest

#endif  // VECNEST_QUERY_H_
