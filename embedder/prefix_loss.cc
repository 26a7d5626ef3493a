#include "embedder/prefix_loss.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "embedder/kernels/cross_entropy.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// A query is not to choose itself.
void ForbidDiagonal(size_t count, std::vector<float>* scores) {
  for (size_t i = 0; i < count; ++i) (*scores)[i * (count + 1)] = kNever;
}

}  // namespace

absl::Status SetFullWidthTargets(size_t dimensions, double temperature, const Workers& workers,
                                 PrefixBatch* batch) {
  const size_t count = batch->query_count;
  batch->candidate_count = count;
  batch->candidates.clear();
  batch->targets.resize(count * count);
  const Factor rows = {batch->queries.data(), dimensions};
  const Factor columns = {batch->queries.data(), dimensions, /*transposed=*/true};
  VECNEST_RETURN_IF_ERROR(
      workers.Multiply(rows, columns, {count, dimensions, count}, batch->targets.data(), count));
  ForbidDiagonal(count, &batch->targets);
  for (size_t i = 0; i < count; ++i) {
    kernels::CrossEntropy(nullptr, count, static_cast<float>(1 / temperature), 1,
                          batch->targets.data() + i * count);
  }
  return absl::OkStatus();
}

PrefixLoss::PrefixLoss(size_t dimensions, std::vector<size_t> widths, double temperature,
                       const Workers* workers)
    : dimensions_(dimensions), temperature_(temperature), workers_(workers) {
  std::sort(widths.begin(), widths.end(), std::greater<>());
  for (const size_t width : widths) {
    widths_.emplace_back();
    widths_.back().width = width;
  }
}

absl::Status PrefixLoss::Map(const std::vector<float>& rows, size_t count,
                             const std::vector<float>& map, Side* side) const {
  side->mapped.resize(count * dimensions_);
  side->gradient.assign(count * dimensions_, 0);
  return workers_->Multiply({rows.data(), dimensions_},
                            {map.data(), dimensions_, /*transposed=*/true},
                            {count, dimensions_, dimensions_}, side->mapped.data(), dimensions_);
}

void PrefixLoss::Take(const Side& side, size_t count, size_t width, Prefixes* prefixes) const {
  prefixes->units.resize(count * width);
  prefixes->lengths.resize(count);
  prefixes->gradient.resize(count * width);
  for (size_t r = 0; r < count; ++r) {
    const float* row = side.mapped.data() + r * dimensions_;
    float squares = 0;
    for (size_t i = 0; i < width; ++i) squares += row[i] * row[i];
    prefixes->lengths[r] = std::sqrt(squares);
    const float inverse = squares > 0 ? 1 / prefixes->lengths[r] : 0;
    for (size_t i = 0; i < width; ++i) prefixes->units[r * width + i] = row[i] * inverse;
  }
}

// From the gradient by units to that by prefixes: what points along a prefix changes its length
// only.
void PrefixLoss::Add(Prefixes* prefixes, size_t count, size_t width, Side* side) const {
  for (size_t r = 0; r < count; ++r) {
    if (prefixes->lengths[r] == 0) continue;
    const float* unit = prefixes->units.data() + r * width;
    const float* gradient = prefixes->gradient.data() + r * width;
    float along = 0;
    for (size_t i = 0; i < width; ++i) along += gradient[i] * unit[i];
    const float inverse = 1 / prefixes->lengths[r];
    float* sum = side->gradient.data() + r * dimensions_;
    for (size_t i = 0; i < width; ++i) sum[i] += (gradient[i] - along * unit[i]) * inverse;
  }
}

absl::Status PrefixLoss::EvaluateWidth(const PrefixBatch& batch, Width* width) const {
  const size_t rows = batch.query_count;
  const size_t columns = batch.candidate_count;
  const size_t d = width->width;
  const bool among_themselves = batch.candidates.empty();
  Take(queries_, rows, d, &width->queries);
  if (!among_themselves) Take(candidates_, columns, d, &width->candidates);
  Prefixes& from = width->queries;
  Prefixes& to = among_themselves ? width->queries : width->candidates;
  width->scores.resize(rows * columns);
  float* scores = width->scores.data();
  VECNEST_RETURN_IF_ERROR(Multiply({from.units.data(), d}, {to.units.data(), d, true},
                                   {rows, d, columns}, scores, columns));
  if (among_themselves) ForbidDiagonal(rows, &width->scores);
  const double factor = 1 / (temperature_ * static_cast<double>(rows));
  width->loss = 0;
  for (size_t r = 0; r < rows; ++r) {
    width->loss += kernels::CrossEntropy(batch.targets.data() + r * columns, columns,
                                         static_cast<float>(1 / temperature_),
                                         static_cast<float>(factor), scores + r * columns);
  }
  width->loss /= static_cast<double>(rows);
  VECNEST_RETURN_IF_ERROR(Multiply({scores, columns}, {to.units.data(), d}, {rows, columns, d},
                                   from.gradient.data(), d));
  return Multiply({scores, columns, true}, {from.units.data(), d}, {columns, rows, d},
                  to.gradient.data(), d, /*accumulate=*/among_themselves);
}

absl::Status PrefixLoss::AddGradient(const std::vector<float>& rows, size_t count, const Side& side,
                                     std::vector<float>* gradient) const {
  std::vector<float> part(gradient->size());
  VECNEST_RETURN_IF_ERROR(workers_->Multiply(
      {side.gradient.data(), dimensions_, /*transposed=*/true}, {rows.data(), dimensions_},
      {dimensions_, count, dimensions_}, part.data(), dimensions_));
  for (size_t i = 0; i < part.size(); ++i) (*gradient)[i] += part[i];
  return absl::OkStatus();
}

absl::StatusOr<double> PrefixLoss::Evaluate(const PrefixBatch& batch, const std::vector<float>& map,
                                            std::vector<float>* gradient) {
  VECNEST_RETURN_IF_ERROR(Map(batch.queries, batch.query_count, map, &queries_));
  const bool among_themselves = batch.candidates.empty();
  if (!among_themselves) {
    VECNEST_RETURN_IF_ERROR(Map(batch.candidates, batch.candidate_count, map, &candidates_));
  }
  VECNEST_RETURN_IF_ERROR(workers_->Run(
      widths_.size(), [&](size_t piece) { return EvaluateWidth(batch, &widths_[piece]); }));
  double loss = 0;
  for (Width& width : widths_) {
    loss += width.loss;
    Add(&width.queries, batch.query_count, width.width, &queries_);
    if (!among_themselves) {
      Add(&width.candidates, batch.candidate_count, width.width, &candidates_);
    }
  }
  gradient->assign(map.size(), 0);
  VECNEST_RETURN_IF_ERROR(AddGradient(batch.queries, batch.query_count, queries_, gradient));
  if (!among_themselves) {
    VECNEST_RETURN_IF_ERROR(
        AddGradient(batch.candidates, batch.candidate_count, candidates_, gradient));
  }
  return loss;
}

}  // namespace vecnest::embedder
