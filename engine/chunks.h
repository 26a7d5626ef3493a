// Documents that become several points, see Database::Upsert.
#ifndef VECNEST_ENGINE_CHUNKS_H_
#define VECNEST_ENGINE_CHUNKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/models.h"
#include "engine/shard.h"
#include "vecnest/database.h"

namespace vecnest::engine {

// A text that is written under an id: cut into `chunks` points, or as one.
struct WrittenText {
  PointId id;
  size_t chunks = 1;
};

// What an upsert means.
struct ExpandedPoints {
  std::vector<Point> points;       // chunks in the place of their documents; each id once
  std::vector<WrittenText> texts;  // every point of `points`, before, that has a text
  uint64_t chunks = 0;             // points that are chunks
};

// `texts` tells how documents are cut; nothing is added to it. InvalidArgument when the chunks are
// too many, or with what they repeat too large.
absl::StatusOr<ExpandedPoints> ExpandDocuments(std::vector<Point> points, const TextBatch& texts,
                                               const Definition& definition,
                                               const CallLimits& limits);

// Deletions of what earlier documents of the same ids left and `points` do not replace. Called with
// writes held off.
absl::StatusOr<std::vector<PointChange>> FormerChunks(const Shard& shard,
                                                      const std::vector<WrittenText>& texts,
                                                      const std::vector<PointChange>& written);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_CHUNKS_H_
