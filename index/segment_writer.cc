#include "index/segment_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "hwy/aligned_allocator.h"

namespace vecnest::index {
namespace {

template <class T>
std::vector<uint8_t> Padded(const std::vector<T>& values, size_t size) {
  std::vector<uint8_t> bytes(size, 0);
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size() * sizeof(T));
  return bytes;
}

}  // namespace

SegmentWriter::SegmentWriter(std::string directory, const std::string& name,
                             const GraphParams& params)
    : directory_(std::move(directory)),
      path_(fmt::format("{}/{}", directory_, name)),
      temporary_(path_ + kTemporarySuffix),
      params_(params) {}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(const std::string& directory,
                                                                     const std::string& name,
                                                                     size_t count,
                                                                     const GraphParams& params) {
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(directory, name, params));
  if (absl::Status status = writer->Allocate(count); !status.ok()) return status;
  return writer;
}

SegmentWriter::~SegmentWriter() {
  if (created_) ::unlink(temporary_.c_str());
}

absl::Status SegmentWriter::Allocate(size_t count) {
  if (count > kMaxSegmentRows) {
    return absl::ResourceExhaustedError(
        fmt::format("a segment of {} vectors, expected at most {}", count, kMaxSegmentRows));
  }
  header_.metric = static_cast<uint32_t>(params_.metric);
  header_.count = count;
  header_.dimensions = static_cast<uint32_t>(params_.dimensions);
  header_.stride = static_cast<uint32_t>(RowStride(params_.dimensions));
  header_.m = static_cast<uint32_t>(params_.m);
  header_.value_format = static_cast<uint32_t>(params_.values);
  const CodeFormat format = CodeFormat::For(params_.metric, params_.dimensions, params_.code_bits,
                                            params_.principal_axes);
  header_.version = format.turned ? kSegmentVersion : kSegmentVersionWithoutTurns;
  header_.codes_turned = format.turned ? 1 : 0;
  header_.code_bits = static_cast<uint32_t>(format.bits);
  header_.codes_normalized = format.normalized ? 1 : 0;
  LayOut(header_, 0);
  const uint64_t mapped = header_.sections[kLinks].offset;
  file_ = FileDescriptor(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file_.get() < 0) return FileError("create", temporary_, errno);
  created_ = true;
  if (const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(mapped)); error != 0) {
    return FileError("allocate", temporary_, error);
  }
  absl::StatusOr<Mapping> mapping = Mapping::Write(file_, mapped, temporary_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = *std::move(mapping);
  return absl::OkStatus();
}

template <class T>
T* SegmentWriter::Data(Section section) {
  return reinterpret_cast<T*>(mapping_.data() + header_.sections[section].offset);
}

void SegmentWriter::Append(Label label, const StoredKey& key, PointNumber number,
                           float inverse_norm, const float* vector) {
  Data<Label>(kLabels)[rows_] = label;
  Data<StoredKey>(kKeys)[rows_] = key;
  Data<PointNumber>(kNumbers)[rows_] = number;
  Data<float>(kInverseNorms)[rows_] = inverse_norm;
  // The padding is zero already: the file system hands out zeroed blocks.
  const size_t place = rows_ * header_.stride;
  if (params_.values == ValueFormat::kF32) {
    std::copy_n(vector, params_.dimensions, Data<float>(kVectors) + place);
  } else {
    Narrow(params_.values, {vector, params_.dimensions}, Data<uint16_t>(kVectors) + place);
  }
  ++rows_;
}

Rows SegmentWriter::WrittenRows() {
  Rows rows;
  rows.count = rows_;
  rows.stride = header_.stride;
  rows.labels = Data<Label>(kLabels);
  rows.keys = Data<StoredKey>(kKeys);
  rows.numbers = Data<PointNumber>(kNumbers);
  rows.inverse_norms = Data<float>(kInverseNorms);
  rows.format = params_.values;
  rows.vectors = Data<uint8_t>(kVectors);
  return rows;
}

absl::Status SegmentWriter::Commit() {
  if (rows_ != header_.count) {
    return absl::InternalError(
        fmt::format("{} of {} rows were appended to {}", rows_, header_.count, path_));
  }
  OrderByNumber();
  const CodeView codes = WriteCodes();
  absl::StatusOr<BuiltGraph> graph = Build(codes);
  if (!graph.ok()) return graph.status();
  const RecallCurve curve = MeasureRecall(WrittenRows(), codes, *graph, params_);
  if (params_.stopped()) return absl::CancelledError("writing a segment was stopped");
  if (absl::Status status = WriteGraph(*graph, curve); !status.ok()) return status;
  return Publish();
}

void SegmentWriter::OrderByNumber() {
  uint32_t* order = Data<uint32_t>(kByNumber);
  const PointNumber* numbers = Data<PointNumber>(kNumbers);
  std::iota(order, order + rows_, 0U);
  std::sort(order, order + rows_, [numbers](uint32_t a, uint32_t b) {
    return std::pair(numbers[a], a) < std::pair(numbers[b], b);
  });
}

CodeView SegmentWriter::WriteCodes() {
  const CodeFormat format = header_.code_format();
  if (format.bits == 0) return {};
  const Rows rows = WrittenRows();
  const Quantizer quantizer = Quantizer::Fit(rows, params_.dimensions, format);
  auto* codes = Data<uint8_t>(kCodes);
  quantizer.EncodeAll(rows, codes, params_.threads, params_.stop);
  header_.code_step = quantizer.step();
  std::copy(quantizer.center().begin(), quantizer.center().end(), Data<float>(kCenter));
  CodeView view = quantizer.View(codes);
  view.center = {Data<float>(kCenter), params_.dimensions};  // outlives the quantizer
  return view;
}

// A graph is as good as the distances it is built by: codes that are too coarse for that are made
// finer while it is built.
absl::StatusOr<BuiltGraph> SegmentWriter::Build(const CodeView& walked) {
  const Rows rows = WrittenRows();
  const CodeFormat format = CodeFormat::For(params_.metric, params_.dimensions);
  if (walked.format.bits >= format.bits) return BuildGraph(rows, walked, params_);
  const Quantizer quantizer = Quantizer::Fit(rows, params_.dimensions, format);
  const auto codes = hwy::AllocateAligned<uint8_t>(rows_ * format.Bytes(params_.dimensions));
  if (codes == nullptr) {
    return absl::ResourceExhaustedError(fmt::format("no memory for the codes of {} rows", rows_));
  }
  quantizer.EncodeAll(rows, codes.get(), params_.threads, params_.stop);
  return BuildGraph(rows, quantizer.View(codes.get()), params_);
}

absl::Status SegmentWriter::WriteGraph(const BuiltGraph& graph, const RecallCurve& curve) {
  LayOut(header_, graph.upper_links.size() / (1 + graph.m));
  header_.entry_point = graph.entry_point;
  header_.max_level = static_cast<uint32_t>(graph.max_level);
  const auto write = [&](Section id, const auto& values) {
    SectionEntry& section = header_.sections[id];
    const std::vector<uint8_t> bytes = Padded(values, section.size);
    section.checksum = SectionChecksum(bytes);
    return WriteAt(file_, bytes, section.offset, temporary_);
  };
  if (absl::Status status = write(kLinks, graph.links); !status.ok()) return status;
  if (absl::Status status = write(kLevels, graph.levels); !status.ok()) return status;
  if (absl::Status status = write(kUpperStarts, graph.upper_starts); !status.ok()) return status;
  const std::vector<float> recall(curve.recall.begin(), curve.recall.end());
  if (absl::Status status = write(kRecall, recall); !status.ok()) return status;
  if (absl::Status status = write(kUpperLinks, graph.upper_links); !status.ok()) return status;
  for (size_t id = 0; id < kLinks; ++id) {
    SectionEntry& section = header_.sections[id];
    section.checksum = SectionChecksum({mapping_.data() + section.offset, section.size});
  }
  header_.checksum = HeaderChecksum(header_);
  std::memcpy(mapping_.data(), &header_, sizeof(header_));
  return absl::OkStatus();
}

absl::Status SegmentWriter::Publish() {
  // Not while it is mapped: for each page that the kernel writes it would interrupt every processor
  // on which a thread of this process runs, to protect the page.
  mapping_ = Mapping();
  if (::fsync(file_.get()) != 0) return FileError("sync", temporary_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return FileError("rename", temporary_, errno);
  }
  created_ = false;
  return SyncDirectory(directory_);
}

}  // namespace vecnest::index
