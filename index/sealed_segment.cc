#include "index/sealed_segment.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fmt/format.h"

namespace vecnest::index {

namespace {

// Copies codes and links behind one another and points the view at the copies.
absl::StatusOr<Mapping> CopyWalked(SegmentView& view) {
  const GraphView& graph = view.graph;
  const size_t count = view.rows.count;
  const auto bytes_of = [](const auto* values, size_t number) {
    return absl::Span<const uint8_t>(reinterpret_cast<const uint8_t*>(values),
                                     number * sizeof(*values));
  };
  const size_t blocks = graph.upper_starts[count - 1] + graph.levels[count - 1];
  const std::array<absl::Span<const uint8_t>, 3> parts = {
      bytes_of(view.codes.codes, count * view.codes.stride),
      bytes_of(graph.links, count * (1 + 2 * graph.m)),
      bytes_of(graph.upper_links, blocks * (1 + graph.m))};
  size_t size = 0;
  for (const auto& part : parts) size += part.size();
  absl::StatusOr<Mapping> walked = Mapping::Anonymous(size);
  if (!walked.ok()) return walked;
  std::array<uint8_t*, 3> copies{};
  uint8_t* next = walked->data();
  for (size_t i = 0; i < parts.size(); ++i) {
    copies[i] = next;
    next = std::copy(parts[i].begin(), parts[i].end(), next);
  }
  view.codes.codes = copies[0];
  view.graph.links = reinterpret_cast<const uint32_t*>(copies[1]);
  view.graph.upper_links = reinterpret_cast<const uint32_t*>(copies[2]);
  return walked;
}

}  // namespace

SealedSegment::SealedSegment(std::string file, Mapping mapping, Mapping walked,
                             const SegmentView& view)
    : file_(std::move(file)),
      mapping_(std::move(mapping)),
      walked_(std::move(walked)),
      view_(view),
      marks_(std::make_unique<DeletionMarks>(view.rows.count)) {
  std::copy(view.recall.begin(), view.recall.end(), recall_.recall.begin());
}

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
  absl::StatusOr<Mapping> walked = CopyWalked(*view);
  if (!walked.ok()) return walked.status();
  return std::shared_ptr<SealedSegment>(
      new SealedSegment(file, *std::move(mapping), *std::move(walked), *view));
}

absl::Status SealedSegment::Verify(const std::string& directory) const {
  const absl::StatusOr<Mapping> mapping = Mapping::Read(fmt::format("{}/{}", directory, file_));
  if (!mapping.ok()) return mapping.status();
  return VerifyChecksums(mapping->bytes());
}

}  // namespace vecnest::index
