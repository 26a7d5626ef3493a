// An immutable segment: a mapped file with a graph, and the marks of what was deleted since.
#ifndef VECNEST_INDEX_SEALED_SEGMENT_H_
#define VECNEST_INDEX_SEALED_SEGMENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/calibration.h"
#include "index/deletion_marks.h"
#include "index/file_io.h"
#include "index/segment_format.h"

namespace vecnest::index {

// Everything but the marks is constant; any number of threads may read.
class SealedSegment {
 public:
  // Maps the file, verifies all of it (ParseSegment) and copies what every walk touches into
  // memory. DataLoss when it is damaged, NotFound when it is missing, FailedPrecondition when its
  // vectors have another width.
  static absl::StatusOr<std::shared_ptr<SealedSegment>> Open(const std::string& directory,
                                                             const std::string& file,
                                                             size_t dimensions);

  const std::string& file() const { return file_; }
  Metric metric() const { return view_.metric; }
  const GraphView& graph() const { return view_.graph; }
  const CodeView& codes() const { return view_.codes; }
  const RecallCurve& recall() const { return recall_; }
  Rows rows() const {
    Rows rows = view_.rows;
    rows.marks = marks_.get();
    return rows;
  }
  size_t count() const { return view_.rows.count; }
  Label min_label() const { return view_.rows.labels[0]; }
  Label max_label() const { return view_.rows.labels[count() - 1]; }
  DeletionMarks& marks() const { return *marks_; }
  size_t mapped_bytes() const { return mapping_.bytes().size(); }
  // In memory of its own.
  size_t walked_bytes() const { return walked_.bytes().size(); }

  // Reads the file in `directory` again and compares its checksums.
  absl::Status Verify(const std::string& directory) const;

 private:
  SealedSegment(std::string file, Mapping mapping, Mapping walked, const SegmentView& view);

  const std::string file_;
  const Mapping mapping_;
  const Mapping walked_;  // the codes and the graph's links, which view_ points to
  const SegmentView view_;
  RecallCurve recall_;
  const std::unique_ptr<DeletionMarks> marks_;
};

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEALED_SEGMENT_H_
