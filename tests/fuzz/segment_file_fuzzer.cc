// A segment file of any content must be refused or safe to search. The checksums are made right
// first: otherwise nothing behind them would ever be reached.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "index/deletion_marks.h"
#include "index/graph_walk.h"
#include "index/row_filter.h"
#include "index/scorer.h"
#include "index/segment_format.h"

namespace {

using vecnest::index::SegmentHeader;

struct alignas(64) Line {
  uint8_t bytes[64];
};

void Reseal(absl::Span<uint8_t> bytes) {
  SegmentHeader header;
  if (bytes.size() < sizeof(header)) return;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (auto& section : header.sections) {
    if (section.offset > bytes.size() || section.size > bytes.size() - section.offset) continue;
    section.checksum = vecnest::index::SectionChecksum(bytes.subspan(section.offset, section.size));
  }
  header.checksum = vecnest::index::HeaderChecksum(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
}

void Search(const vecnest::index::SegmentView& view) {
  using vecnest::index::Metric;
  vecnest::index::DeletionMarks marks(view.rows.count);
  vecnest::index::Rows rows = view.rows;
  rows.marks = &marks;
  const std::vector<float> query(view.dimensions, 1.0F);
  const vecnest::index::RowFilter all(rows, 1);
  for (const size_t width : {size_t{1}, view.dimensions}) {
    const vecnest::index::Scorer scorer(Metric::kCosine, query, width,
                                        vecnest::index::Renormalize::kNo);
    WalkGraph(view.graph, rows, scorer, all, {8, 1000});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Line> storage(size / sizeof(Line) + 1);
  uint8_t* start = storage.front().bytes;
  std::copy_n(data, size, start);
  Reseal(absl::MakeSpan(start, size));
  if (const auto view = vecnest::index::ParseSegment({start, size}); view.ok()) Search(*view);
  return 0;
}
