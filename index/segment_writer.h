// Makes a segment file: fill in the rows, then Commit builds the graph and publishes the file.
#ifndef VECNEST_INDEX_SEGMENT_WRITER_H_
#define VECNEST_INDEX_SEGMENT_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "index/calibration.h"
#include "index/file_io.h"
#include "index/hnsw_builder.h"
#include "index/segment_format.h"

namespace vecnest::index {

// The rows lie in the mapped temporary file from the start, so a build needs no second copy of the
// vectors in memory. Used by one thread. Without Commit the temporary file goes with the writer.
class SegmentWriter {
 public:
  // For exactly `count` rows, at least 1. The file will be `directory`/`name`.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(const std::string& directory,
                                                               const std::string& name,
                                                               size_t count,
                                                               const GraphParams& params);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // In ascending order of label, `count` times. `vector` has params.dimensions values of the
  // format that params name.
  void Append(Label label, const StoredKey& key, PointNumber number, float inverse_norm,
              const float* vector);

  // Builds the graph, writes it, syncs, renames the file into place and syncs the directory: after
  // a crash there is either the whole file or none of this name.
  absl::Status Commit();

 private:
  SegmentWriter(std::string directory, const std::string& name, const GraphParams& params);
  absl::Status Allocate(size_t count);
  template <class T>
  T* Data(Section section);
  Rows WrittenRows();
  void OrderByNumber();
  CodeView WriteCodes();
  absl::StatusOr<BuiltGraph> Build(const CodeView& walked);
  absl::Status WriteGraph(const BuiltGraph& graph, const RecallCurve& curve);
  absl::Status Publish();

  const std::string directory_;
  const std::string path_;
  const std::string temporary_;
  const GraphParams params_;
  SegmentHeader header_;
  FileDescriptor file_;
  Mapping mapping_;  // header and the sections up to the vectors
  size_t rows_ = 0;  // appended so far
  bool created_ = false;
};

// The suffix of files that are being written.
inline constexpr char kTemporarySuffix[] = ".tmp";

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEGMENT_WRITER_H_
