#include "index/sealed_segment.h"

#include <utility>

#include "fmt/format.h"

namespace vecnest::index {

SealedSegment::SealedSegment(std::string file, Mapping mapping, const SegmentView& view)
    : file_(std::move(file)),
      mapping_(std::move(mapping)),
      view_(view),
      marks_(std::make_unique<DeletionMarks>(view.rows.count)) {}

absl::StatusOr<std::shared_ptr<SealedSegment>> SealedSegment::Open(const std::string& directory,
                                                                   const std::string& file,
                                                                   size_t dimensions) {
  absl::StatusOr<Mapping> mapping = Mapping::Read(fmt::format("{}/{}", directory, file));
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<SegmentView> view = ParseSegment(mapping->bytes());
  if (!view.ok()) return view.status();
  if (view->dimensions != dimensions) {
    return absl::FailedPreconditionError(fmt::format("{} holds vectors of {} dimensions, not {}",
                                                     file, view->dimensions, dimensions));
  }
  return std::shared_ptr<SealedSegment>(new SealedSegment(file, *std::move(mapping), *view));
}

absl::Status SealedSegment::Verify(const std::string& directory) const {
  const absl::StatusOr<Mapping> mapping = Mapping::Read(fmt::format("{}/{}", directory, file_));
  if (!mapping.ok()) return mapping.status();
  return VerifyChecksums(mapping->bytes());
}

}  // namespace vecnest::index
