#include "index/vector_index.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>

#include "fmt/format.h"
#include "index/scorer.h"
#include "index/segment_files.h"
#include "index/segment_search.h"
#include "index/segment_writer.h"
#include "index/vector_check.h"

namespace vecnest::index {
namespace {

absl::Status CheckConfig(const IndexConfig& config) {
  const auto outside = [](std::string_view name, int64_t value, int64_t low, int64_t high) {
    return absl::InvalidArgumentError(
        fmt::format("{} is {}, must be {} to {}", name, value, low, high));
  };
  if (config.dimensions < 1 || config.dimensions > 65536) {
    return outside("dimensions", config.dimensions, 1, 65536);
  }
  if (config.code_bits != 0 && config.code_bits != 1 && config.code_bits != 4 &&
      config.code_bits != 8) {
    return absl::InvalidArgumentError(
        fmt::format("code_bits is {}, must be 0, 1, 4 or 8", config.code_bits));
  }
  const std::vector<float>& scales = config.prefix_scales;
  if (!scales.empty() && scales.size() != static_cast<size_t>(config.dimensions)) {
    return outside("the number of prefix_scales", static_cast<int64_t>(scales.size()),
                   config.dimensions, config.dimensions);
  }
  if (!std::all_of(scales.begin(), scales.end(),
                   [](float scale) { return std::isfinite(scale) && scale > 0; })) {
    return absl::InvalidArgumentError("prefix_scales must be positive");
  }
  if (config.m < 2 || config.m > 1024) return outside("m", config.m, 2, 1024);
  if (config.ef_construct < 1 || config.ef_construct > 65536) {
    return outside("ef_construct", config.ef_construct, 1, 65536);
  }
  if (config.build_threads < 1 || config.build_threads > 1024) {
    return outside("build_threads", config.build_threads, 1, 1024);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<SealedSegment>> OpenListed(const std::string& directory,
                                                          const SegmentRecord& record,
                                                          size_t dimensions) {
  auto segment = SealedSegment::Open(directory, record.file, dimensions);
  if (!segment.ok()) return segment;
  if ((*segment)->count() != record.count || (*segment)->min_label() < record.min_label ||
      (*segment)->max_label() > record.max_label) {
    return absl::DataLossError(fmt::format("{} is not the file that was recorded", record.file));
  }
  absl::Status marked = (*segment)->marks().MarkSerialized(record.tombstones);
  if (!marked.ok()) return marked;
  return segment;
}

}  // namespace

VectorIndex::VectorIndex(std::string directory, const IndexConfig& config,
                         std::vector<std::shared_ptr<SealedSegment>> sealed,
                         std::vector<SegmentRecord> damaged, Label last_label, uint64_t next_file)
    : directory_(std::move(directory)),
      config_(config),
      code_bits_(config.code_bits),
      metric_(config.metric),
      set_(static_cast<size_t>(config.dimensions), config.metric, config.values, std::move(sealed),
           last_label),
      damaged_(std::move(damaged)),
      next_file_(next_file) {}

absl::StatusOr<VectorIndex::OpenResult> VectorIndex::Open(const std::string& directory,
                                                          const IndexConfig& config,
                                                          const Manifest& manifest) {
  if (absl::Status status = CheckConfig(config); !status.ok()) return status;
  if (absl::Status status = CheckManifest(manifest); !status.ok()) return status;
  if (absl::Status status = CreateDirectory(directory); !status.ok()) return status;
  const absl::StatusOr<std::vector<std::string>> files = ListSegmentFiles(directory);
  if (!files.ok()) return files.status();

  OpenResult result;
  std::vector<std::shared_ptr<SealedSegment>> sealed;
  std::vector<SegmentRecord> damaged;
  std::vector<std::string> listed;
  uint64_t last_file = 0;
  for (const SegmentRecord& record : manifest.segments) {
    listed.push_back(record.file);
    last_file = std::max(last_file, SegmentFileNumber(record.file));
    auto segment = OpenListed(directory, record, static_cast<size_t>(config.dimensions));
    if (segment.ok()) {
      sealed.push_back(*std::move(segment));
    } else {
      damaged.push_back(record);
      result.damaged.emplace_back(record, segment.status());
    }
  }
  RemoveAllBut(directory, *files, listed);
  result.index.reset(new VectorIndex(directory, config, std::move(sealed), std::move(damaged),
                                     manifest.persisted_through, last_file + 1));
  return result;
}

absl::Status VectorIndex::Add(Label label, const PointKey& key, PointNumber number,
                              absl::Span<const float> vector) {
  if (label == 0) return absl::InvalidArgumentError("labels start at 1");
  const auto width = static_cast<size_t>(config_.dimensions);
  if (absl::Status status = CheckVector(vector, width); !status.ok()) return status;
  std::vector<float> rounded;
  if (config_.values != ValueFormat::kF32) {
    rounded.assign(vector.begin(), vector.end());
    RoundTo(config_.values, absl::MakeSpan(rounded));
    vector = rounded;
    if (absl::Status status = CheckVector(vector, width); !status.ok()) return status;
  }
  set_.Add(label, key, number, vector, InverseNorm(vector));
  return absl::OkStatus();
}

bool VectorIndex::Delete(Label label) { return set_.Delete(label); }

bool VectorIndex::Contains(Label label) const {
  const SetView view = set_.View();
  for (const Rows& rows : view.Blocks()) {
    if (const std::optional<size_t> row = rows.Find(label)) {
      return !rows.marks->IsDeleted(*row, view.as_of);
    }
  }
  return false;
}

std::optional<Entry> VectorIndex::Get(Label label) const {
  const SetView view = set_.View();
  for (const Rows& rows : view.Blocks()) {
    const std::optional<size_t> row = rows.Find(label);
    if (!row) continue;
    if (rows.marks->IsDeleted(*row, view.as_of)) return std::nullopt;
    VectorBuffer buffer;
    const float* vector = rows.Vector(*row, buffer);
    return Entry{
        label, Load(rows.keys[*row]), rows.numbers[*row], {vector, vector + config_.dimensions}};
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<ScoredLabel>> VectorIndex::Search(absl::Span<const float> query,
                                                             const SearchParams& params,
                                                             SearchStats* stats) const {
  absl::Status status = CheckVector(query, static_cast<size_t>(config_.dimensions));
  if (!status.ok()) return status;
  if (params.dimensions < 0 || params.dimensions > config_.dimensions) {
    return absl::InvalidArgumentError(
        fmt::format("dimensions is {}, must be 1 to {}", params.dimensions, config_.dimensions));
  }
  SearchStats own_stats;
  return SearchSegments(set_.View(), query, params, params.metric.value_or(metric_),
                        set_.unit_norm(), stats == nullptr ? own_stats : *stats,
                        config_.prefix_scales);
}

std::vector<SegmentRecord> VectorIndex::Damaged() const {
  const absl::MutexLock lock(&files_mutex_);
  return damaged_;
}

Manifest VectorIndex::TakeManifest() const {
  const absl::MutexLock lock(&files_mutex_);  // no segment is half restored
  Manifest manifest;
  manifest.segments = damaged_;
  return set_.WithWritersStopped([&](const SegmentList& list, Label last_label) {
    for (const auto& segment : list.sealed) {
      manifest.segments.push_back({segment->file(), segment->min_label(), segment->max_label(),
                                   segment->count(), segment->marks().Serialize()});
    }
    std::sort(
        manifest.segments.begin(), manifest.segments.end(),
        [](const SegmentRecord& a, const SegmentRecord& b) { return a.min_label < b.min_label; });
    manifest.persisted_through = last_label;
    const std::vector<Rows> growing = Replaced{{}, list.growing}.Blocks();
    for (auto rows = growing.rbegin(); rows != growing.rend(); ++rows) {
      for (size_t row = rows->count; row > 0; --row) {
        if (!rows->marks->IsDeleted(row - 1)) {
          manifest.persisted_through = rows->labels[row - 1] - 1;
        }
      }
    }
    return manifest;
  });
}

void VectorIndex::RemoveObsoleteFiles(const Manifest& committed) {
  const absl::StatusOr<std::vector<std::string>> files = ListSegmentFiles(directory_);
  if (!files.ok()) return;
  std::vector<std::string> kept;
  {
    const absl::MutexLock lock(&files_mutex_);
    for (const std::string& file : writing_) {
      kept.push_back(file);
      kept.push_back(file + kTemporarySuffix);
    }
    for (const SegmentRecord& record : damaged_) kept.push_back(record.file);
  }
  for (const SegmentRecord& record : committed.segments) kept.push_back(record.file);
  const SetView view = set_.View();
  for (const auto& segment : view.list->sealed) kept.push_back(segment->file());
  RemoveAllBut(directory_, *files, kept);
}

IndexStats VectorIndex::Stats() const {
  const SetView view = set_.View();
  IndexStats stats;
  for (const auto& segment : view.list->sealed) {
    const size_t deleted = segment->marks().count();
    stats.live += segment->count() - deleted;
    stats.deleted += deleted;
    stats.memory_bytes += segment->marks().memory_bytes() + segment->walked_bytes();
    stats.mapped_bytes += segment->mapped_bytes();
    stats.walked_bytes += segment->walked_bytes();
  }
  for (const auto& segment : view.list->growing) {
    for (const Rows& rows : segment->Blocks()) {
      // Marks are counted before rows are added behind them, never beyond.
      const size_t deleted = std::min(rows.marks->count(), rows.count);
      stats.live += rows.count - deleted;
      stats.deleted += deleted;
      stats.growing += rows.count;
    }
    stats.memory_bytes += segment->memory_bytes();
  }
  stats.sealed_segments = view.list->sealed.size();
  stats.unit_norm = set_.unit_norm();
  return stats;
}

std::vector<Entry> VectorIndex::LiveEntries(Label after) const {
  const SetView view = set_.View();
  std::vector<Entry> entries;
  for (const Rows& rows : view.Blocks()) {
    for (size_t row = 0; row < rows.count; ++row) {
      if (rows.labels[row] <= after || rows.marks->IsDeleted(row, view.as_of)) continue;
      entries.push_back({rows.labels[row], Load(rows.keys[row]), rows.numbers[row], {}});
    }
  }
  return entries;
}

std::vector<Label> VectorIndex::LiveLabels() const {
  const SetView view = set_.View();
  std::vector<Label> labels;
  for (const Rows& rows : view.Blocks()) {
    for (size_t row = 0; row < rows.count; ++row) {
      if (!rows.marks->IsDeleted(row, view.as_of)) labels.push_back(rows.labels[row]);
    }
  }
  return labels;
}

absl::Status VectorIndex::VerifyFiles() const {
  const std::vector<SegmentRecord> damaged = Damaged();
  if (!damaged.empty()) {
    return absl::DataLossError(
        fmt::format("{} was damaged and has not been restored", damaged.front().file));
  }
  const SetView view = set_.View();
  for (const auto& segment : view.list->sealed) {
    absl::Status status = segment->Verify(directory_);
    if (status.ok()) continue;
    // A segment that was merged away meanwhile may have lost its file rightly.
    const SetView now = set_.View();
    const auto& sealed = now.list->sealed;
    if (std::find(sealed.begin(), sealed.end(), segment) != sealed.end()) return status;
  }
  return absl::OkStatus();
}

}  // namespace vecnest::index
