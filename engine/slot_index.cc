#include "engine/slot_index.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fmt/format.h"

namespace vecnest::engine {
namespace {

int CodeBits(int bits, const embedder::Adaptor* adaptor) {
  constexpr int kOnPrincipalAxes = 8;
  return bits == 0 && adaptor != nullptr ? kOnPrincipalAxes : bits;
}

}  // namespace

absl::StatusOr<SlotIndex::OpenResult> SlotIndex::Open(
    const std::string& directory, index::IndexConfig config, const index::Manifest& manifest,
    std::shared_ptr<const embedder::Adaptor> adaptor) {
  if (adaptor != nullptr) {
    if (adaptor->dimensions() != static_cast<size_t>(config.dimensions)) {
      return absl::DataLossError(
          fmt::format("the adaptor is for {} dimensions, the vectors have {}",
                      adaptor->dimensions(), config.dimensions));
    }
    config.prefix_scales = adaptor->parameters().scales;
    config.principal_axes = true;
  }
  config.code_bits = CodeBits(config.code_bits, adaptor.get());
  auto opened = index::VectorIndex::Open(directory, config, manifest);
  if (!opened.ok()) return opened.status();
  OpenResult result;
  result.damaged = std::move(opened->damaged);
  result.index.reset(
      new SlotIndex(std::move(opened->index), std::move(config), std::move(adaptor)));
  return result;
}

void SlotIndex::SetCodeBits(int bits) { index_->SetCodeBits(CodeBits(bits, adaptor_.get())); }

absl::StatusOr<absl::Span<const float>> SlotIndex::Adapt(absl::Span<const float> vector,
                                                         std::vector<float>& rotated) const {
  // Vectors of another width are the index's to refuse.
  if (adaptor_ == nullptr || vector.size() != adaptor_->dimensions()) return vector;
  rotated.resize(vector.size());
  if (auto status = adaptor_->Rotate(vector, absl::MakeSpan(rotated)); !status.ok()) return status;
  return absl::Span<const float>(rotated);
}

absl::Status SlotIndex::Check(absl::Span<const float> vector) const {
  if (adaptor_ == nullptr) return absl::OkStatus();
  // No component of a rotated vector is larger than the vector is long.
  const double largest = config_.values == index::ValueFormat::kF16
                             ? 65504.0
                             : double{std::numeric_limits<float>::max()};
  constexpr double kRoundingRoom = 0.99;
  double squared = 0;
  for (const float value : vector) squared += double{value} * value;
  if (std::sqrt(squared) <= kRoundingRoom * largest) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "the vector is {:.3g} long; with the adaptor of its collection at most {:.3g} fit "
      "its datatype",
      std::sqrt(squared), kRoundingRoom * largest));
}

absl::Status SlotIndex::Add(index::Label label, const index::PointKey& key,
                            index::PointNumber number, absl::Span<const float> vector) {
  std::vector<float> rotated;
  auto adapted = Adapt(vector, rotated);
  if (!adapted.ok()) return adapted.status();
  return index_->Add(label, key, number, *adapted);
}

absl::Status SlotIndex::RestoreSegment(const index::SegmentRecord& record,
                                       std::vector<index::Entry> entries) {
  std::vector<float> rotated;
  for (index::Entry& entry : entries) {
    auto adapted = Adapt(entry.vector, rotated);
    if (!adapted.ok()) return adapted.status();
    if (adaptor_ != nullptr) entry.vector.assign(adapted->begin(), adapted->end());
  }
  return index_->RestoreSegment(record, entries);
}

absl::Status SlotIndex::AppendSegment(const std::vector<index::Entry>& entries,
                                      index::VectorIndex::VectorOf vector_of,
                                      const std::atomic<bool>* stop, std::atomic<size_t>* linked) {
  std::vector<float> rotated;
  const auto adapted = [&](const index::Entry& entry) -> absl::StatusOr<absl::Span<const float>> {
    auto vector = vector_of(entry);
    if (!vector.ok()) return vector;
    return Adapt(*vector, rotated);
  };
  return index_->AppendSegment(entries, adapted, stop, linked);
}

absl::StatusOr<std::vector<index::ScoredLabel>> SlotIndex::Search(absl::Span<const float> query,
                                                                  const index::SearchParams& params,
                                                                  index::SearchStats* stats) const {
  if (adaptor_ != nullptr &&
      params.metric.value_or(index_->metric()) == index::Metric::kManhattan) {
    return absl::FailedPreconditionError(
        "metric: Manhattan distances are not kept by the rotation of the collection's adaptor; "
        "choose Cosine, Dot or Euclid, or take the adaptor off (adapt with method \"none\")");
  }
  std::vector<float> rotated;
  auto adapted = Adapt(query, rotated);
  if (!adapted.ok()) return adapted.status();
  return index_->Search(*adapted, params, stats);
}

bool SlotIndex::Matches(absl::Span<const float> indexed, absl::Span<const float> stored) const {
  std::vector<float> rotated;
  const auto adapted = Adapt(stored, rotated);
  if (!adapted.ok() || adapted->size() != indexed.size()) return false;
  if (adaptor_ == nullptr) return *adapted == indexed;
  // Another processor may sum in another order, and the index rounds what was rotated.
  double difference = 0;
  double length = 0;
  for (size_t i = 0; i < indexed.size(); ++i) {
    difference += std::pow(double{indexed[i]} - (*adapted)[i], 2);
    length += std::pow(double{(*adapted)[i]}, 2);
  }
  const double tolerance = config_.values == index::ValueFormat::kF32 ? 1e-5 : 0x1p-8;
  return std::sqrt(difference) <= tolerance * std::sqrt(length);
}

}  // namespace vecnest::engine
