// The index of one named vector, and the adaptor that its vectors and queries go through: the store
// keeps vectors as they came, the index may hold them rotated (embedder/adaptor.h).
#ifndef VECNEST_ENGINE_SLOT_INDEX_H_
#define VECNEST_ENGINE_SLOT_INDEX_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/adaptor.h"
#include "index/vector_index.h"

namespace vecnest::engine {

// Thread-safe as VectorIndex is.
class SlotIndex {
 public:
  using Damaged = std::vector<std::pair<index::SegmentRecord, absl::Status>>;
  struct OpenResult {
    std::shared_ptr<SlotIndex> index;
    Damaged damaged;
  };
  // `adaptor`: null for none; otherwise of the config's dimensions, and its scales become
  // the config's. code_bits as SetCodeBits takes them.
  static absl::StatusOr<OpenResult> Open(const std::string& directory, index::IndexConfig config,
                                         const index::Manifest& manifest,
                                         std::shared_ptr<const embedder::Adaptor> adaptor);

  // As that of VectorIndex. 0, the choice of the index, is 8 with an adaptor: on its axes a few
  // components are large, which leaves codes of 4 bits too few steps for the others (at the
  // full width, 100,000 vectors of MiniLM: 6,600 queries a second at recall .98 instead of 25,600).
  void SetCodeBits(int bits);

  // Everything that does not give or take a vector.
  index::VectorIndex& index() { return *index_; }
  const index::VectorIndex& index() const { return *index_; }
  // Null: vectors are held as they are stored.
  const std::shared_ptr<const embedder::Adaptor>& adaptor() const { return adaptor_; }

  // Whether Add takes the vector, once the index's own conditions hold: InvalidArgument where a
  // component could become larger by the rotation than the index can hold.
  absl::Status Check(absl::Span<const float> vector) const;

  // As those of VectorIndex, with vectors as the store has them. Search: FailedPrecondition where
  // the adaptor does not keep the metric.
  absl::Status Add(index::Label label, const index::PointKey& key, index::PointNumber number,
                   absl::Span<const float> vector);
  absl::Status RestoreSegment(const index::SegmentRecord& record,
                              std::vector<index::Entry> entries);
  absl::Status AppendSegment(const std::vector<index::Entry>& entries,
                             index::VectorIndex::VectorOf vector_of, const std::atomic<bool>* stop,
                             std::atomic<size_t>* linked);
  absl::StatusOr<std::vector<index::ScoredLabel>> Search(absl::Span<const float> query,
                                                         const index::SearchParams& params,
                                                         index::SearchStats* stats) const;

  // Whether `indexed`, a vector of the index, is what it should hold for a stored one.
  bool Matches(absl::Span<const float> indexed, absl::Span<const float> stored) const;

 private:
  SlotIndex(std::unique_ptr<index::VectorIndex> index, index::IndexConfig config,
            std::shared_ptr<const embedder::Adaptor> adaptor)
      : index_(std::move(index)), config_(std::move(config)), adaptor_(std::move(adaptor)) {}

  // The vector, or `rotated` with what became of it.
  absl::StatusOr<absl::Span<const float>> Adapt(absl::Span<const float> vector,
                                                std::vector<float>& rotated) const;

  const std::unique_ptr<index::VectorIndex> index_;
  const index::IndexConfig config_;
  const std::shared_ptr<const embedder::Adaptor> adaptor_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_SLOT_INDEX_H_
