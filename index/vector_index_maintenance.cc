// How an index seals, merges and restores its segments.

#include <algorithm>
#include <cstddef>

#include "fmt/format.h"
#include "index/merge_policy.h"
#include "index/scorer.h"
#include "index/search_plan.h"
#include "index/segment_files.h"
#include "index/segment_writer.h"
#include "index/vector_check.h"
#include "index/vector_index.h"

namespace vecnest::index {
namespace {

// Of fewer no graph would be walked for a few results (search_plan.h).
constexpr size_t kFewestForGraph = 2048;

}  // namespace

GraphParams VectorIndex::BuildParams(const std::atomic<bool>* stop) const {
  GraphParams params;
  params.metric = metric_;
  params.dimensions = static_cast<size_t>(config_.dimensions);
  params.values = config_.values;
  params.code_bits = code_bits_;
  params.principal_axes = config_.principal_axes;
  params.m = config_.m;
  params.ef_construct = config_.ef_construct;
  params.seed = config_.seed;
  params.threads = config_.build_threads;
  params.stop = stop;
  return params;
}

// The name is remembered before the file exists and until its segment is in the list, so that
// RemoveObsoleteFiles always knows it from one or the other.
std::string VectorIndex::StartFile() {
  const absl::MutexLock lock(&files_mutex_);
  return *writing_.insert(SegmentFileName(next_file_++)).first;
}

void VectorIndex::FinishFile(const std::string& file) {
  const absl::MutexLock lock(&files_mutex_);
  writing_.erase(file);
}

absl::StatusOr<std::shared_ptr<SealedSegment>> VectorIndex::WriteSegment(
    const std::vector<Rows>& blocks, const std::string& file, const std::atomic<bool>* stop) const {
  // Decided once per row: more may be deleted while this runs, and is carried over by Publish.
  std::vector<std::vector<uint32_t>> live(blocks.size());
  size_t count = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    for (uint32_t row = 0; row < blocks[i].count; ++row) {
      if (!blocks[i].marks->IsDeleted(row)) live[i].push_back(row);
    }
    count += live[i].size();
  }
  if (count == 0) return std::shared_ptr<SealedSegment>();
  auto writer = SegmentWriter::Create(directory_, file, count, BuildParams(stop));
  if (!writer.ok()) return writer.status();
  VectorBuffer buffer;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Rows& rows = blocks[i];
    for (const uint32_t row : live[i]) {
      (*writer)->Append(rows.labels[row], rows.keys[row], rows.numbers[row],
                        rows.inverse_norms[row], rows.Vector(row, buffer));
    }
  }
  if (absl::Status status = (*writer)->Commit(); !status.ok()) return status;
  return SealedSegment::Open(directory_, file, static_cast<size_t>(config_.dimensions));
}

absl::StatusOr<std::shared_ptr<SealedSegment>> VectorIndex::WriteEntries(
    const std::vector<Entry>& entries, VectorOf vector_of, const std::string& file,
    const GraphParams& params) const {
  if (entries.empty()) return std::shared_ptr<SealedSegment>();
  auto writer = SegmentWriter::Create(directory_, file, entries.size(), params);
  if (!writer.ok()) return writer.status();
  std::vector<float> rounded;
  for (const Entry& entry : entries) {
    if (params.stopped()) return absl::CancelledError("writing a segment was stopped");
    auto vector = vector_of(entry);
    if (!vector.ok()) return vector.status();
    rounded.assign(vector->begin(), vector->end());
    RoundTo(config_.values, absl::MakeSpan(rounded));
    absl::Status status = CheckVector(rounded, static_cast<size_t>(config_.dimensions));
    if (!status.ok()) return status;
    (*writer)->Append(entry.label, Store(entry.key), entry.number, InverseNorm(rounded),
                      rounded.data());
  }
  if (absl::Status status = (*writer)->Commit(); !status.ok()) return status;
  return SealedSegment::Open(directory_, file, static_cast<size_t>(config_.dimensions));
}

absl::Status VectorIndex::Rebuild(const Replaced& sources, const std::atomic<bool>* stop) {
  const std::string file = StartFile();
  auto segment = WriteSegment(sources.Blocks(), file, stop);
  if (segment.ok()) set_.Publish(sources, *segment);
  FinishFile(file);
  return segment.status();
}

absl::StatusOr<bool> VectorIndex::SealOldestFrozen(const std::atomic<bool>* stop) {
  const SetView view = set_.View();
  if (view.list->growing.size() < 2) return false;
  Replaced sources;
  sources.growing.push_back(view.list->growing.front());
  if (absl::Status status = Rebuild(sources, stop); !status.ok()) return status;
  return true;
}

void VectorIndex::SetCodeBits(int bits) { code_bits_ = bits; }

void VectorIndex::SetMetric(Metric metric) {
  metric_ = metric;
  set_.SetMetric(metric);
}

bool VectorIndex::IsOutdated(const SealedSegment& segment) const {
  const auto dimensions = static_cast<size_t>(config_.dimensions);
  const CodeFormat format =
      CodeFormat::For(segment.metric(), dimensions, code_bits_, config_.principal_axes);
  return segment.codes().format.bits != format.bits ||
         segment.codes().format.turned != format.turned ||
         !GraphServes(segment.metric(), metric_, set_.unit_norm());
}

std::vector<SegmentSize> VectorIndex::SizesOf(const SegmentList& list) const {
  const std::vector<SegmentRecord> damaged = Damaged();
  std::vector<SegmentSize> sizes;
  Label before = 0;
  for (const auto& segment : list.sealed) {
    SegmentSize size{segment->count(), segment->marks().count(), false, IsOutdated(*segment)};
    for (const SegmentRecord& record : damaged) {
      size.gap_before |= record.min_label > before && record.max_label < segment->min_label();
    }
    before = segment->max_label();
    sizes.push_back(size);
  }
  return sizes;
}

bool VectorIndex::NeedsMaintenance() const {
  return Stats().growing >= std::max<size_t>(config_.seal_threshold, 1) ||
         PickMerge(SizesOf(*set_.View().list), config_.seal_threshold).has_value();
}

bool VectorIndex::HasTail() const {
  return !set_.View().list->sealed.empty() && Stats().growing >= kFewestForGraph;
}

bool VectorIndex::NeedsRest() const {
  return HasTail() || PickMergeAtRest(SizesOf(*set_.View().list)).has_value();
}

absl::StatusOr<bool> VectorIndex::SealFull(const std::atomic<bool>* stop) {
  const absl::MutexLock lock(&seal_mutex_);
  set_.Freeze(std::max<size_t>(config_.seal_threshold, 1));
  return SealOldestFrozen(stop);
}

template <class Pick>
absl::StatusOr<bool> VectorIndex::MergeWhat(const Pick& pick, const std::atomic<bool>* stop) {
  const absl::MutexLock lock(&merge_mutex_);
  const SetView view = set_.View();
  const std::optional<MergeRange> range = pick(SizesOf(*view.list));
  if (!range) return false;
  const auto first = view.list->sealed.begin() + static_cast<ptrdiff_t>(range->first);
  Replaced sources;
  sources.sealed.assign(first, first + static_cast<ptrdiff_t>(range->count));
  if (absl::Status status = Rebuild(sources, stop); !status.ok()) return status;
  return true;
}

absl::StatusOr<bool> VectorIndex::MergeSome(const std::atomic<bool>* stop) {
  return MergeWhat([this](const auto& sizes) { return PickMerge(sizes, config_.seal_threshold); },
                   stop);
}

absl::StatusOr<bool> VectorIndex::MergeAtRest(const std::atomic<bool>* stop) {
  return MergeWhat([](const auto& sizes) { return PickMergeAtRest(sizes); }, stop);
}

absl::StatusOr<bool> VectorIndex::SealAtRest(const std::atomic<bool>* stop) {
  if (!HasTail()) return false;
  if (absl::Status status = SealAll(stop); !status.ok()) return status;
  return true;
}

absl::Status VectorIndex::SealAll(const std::atomic<bool>* stop) {
  const absl::MutexLock lock(&seal_mutex_);
  set_.Freeze(1);
  absl::StatusOr<bool> sealed = true;
  while (sealed.ok() && *sealed) sealed = SealOldestFrozen(stop);
  return sealed.status();
}

absl::Status VectorIndex::CheckEntries(const SegmentRecord& record,
                                       const std::vector<Entry>& entries) const {
  Label last = 0;
  for (const Entry& entry : entries) {
    if (entry.label <= last || entry.label < record.min_label || entry.label > record.max_label) {
      return absl::InvalidArgumentError(fmt::format("label {} is out of order or not in {} to {}",
                                                    entry.label, record.min_label,
                                                    record.max_label));
    }
    last = entry.label;
    absl::Status status = CheckVector(entry.vector, static_cast<size_t>(config_.dimensions));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status VectorIndex::RestoreSegment(const SegmentRecord& record,
                                         const std::vector<Entry>& entries) {
  if (absl::Status status = CheckEntries(record, entries); !status.ok()) return status;
  const absl::MutexLock lock(&merge_mutex_);  // its neighbours stay
  const auto is_record = [&](const SegmentRecord& other) { return other.file == record.file; };
  const std::vector<SegmentRecord> damaged = Damaged();
  if (std::none_of(damaged.begin(), damaged.end(), is_record)) {
    return absl::NotFoundError(fmt::format("{} is not damaged", record.file));
  }
  const std::string file = StartFile();
  const auto vector_of = [](const Entry& entry) -> absl::StatusOr<absl::Span<const float>> {
    return entry.vector;
  };
  auto segment = WriteEntries(entries, vector_of, file, BuildParams(nullptr));
  if (segment.ok()) {
    const absl::MutexLock files(&files_mutex_);
    set_.Publish({}, *segment);
    std::erase_if(damaged_, is_record);
  }
  FinishFile(file);
  return segment.status();
}

absl::Status VectorIndex::AppendSegment(const std::vector<Entry>& entries, VectorOf vector_of,
                                        const std::atomic<bool>* stop,
                                        std::atomic<size_t>* linked) {
  const absl::MutexLock lock(&merge_mutex_);
  GraphParams params = BuildParams(stop);
  params.linked = linked;
  Label last = set_.View().as_of;
  if (Stats().growing > 0) return absl::FailedPreconditionError("there are growing vectors");
  for (const Entry& entry : entries) {
    if (entry.label <= last) {
      return absl::InvalidArgumentError(fmt::format("label {} is out of order", entry.label));
    }
    last = entry.label;
  }
  const std::string file = StartFile();
  auto segment = WriteEntries(entries, vector_of, file, params);
  if (segment.ok()) set_.Publish({}, *segment);
  FinishFile(file);
  return segment.status();
}

}  // namespace vecnest::index
