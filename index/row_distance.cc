#include "index/row_distance.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace vecnest::index {
namespace {

// In 0 .. 1; of few pairs 0.
float Gap(uint32_t a, uint32_t b) {
  constexpr uint32_t kGoldenRatio = 2654435761U;
  const auto position = [](uint32_t row) { return static_cast<float>(row * kGoldenRatio >> 8); };
  return std::fabs(position(a) - position(b)) * 0x1p-24F;
}

// Codes of 4 bits are 0 there, which stands for -15; those of 8 stand for 0.
int32_t PaddingOf(int bits, size_t dimensions) {
  return bits == 4 ? 225 * static_cast<int32_t>(dimensions) : 0;
}

}  // namespace

float VectorDistance::operator()(uint32_t a, uint32_t b) const {
  thread_local VectorBuffer buffer;
  return Of(a, rows_.Vector(a, buffer), b);
}

float VectorDistance::Of(uint32_t a, const float* vector, uint32_t b) const {
  // Below every distance of different vectors.
  constexpr float kEqual = 1e-30F;
  thread_local VectorBuffer buffer;
  const float distance = kernels_.l1(vector, rows_.Vector(b, buffer), 1.0F, dimensions_);
  return distance > 0 ? distance : kEqual * Gap(a, b);
}

void VectorDistance::FromRow::Start(const VectorDistance& distance, uint32_t row) {
  distance_ = &distance;
  row_ = row;
  vector_ = distance.rows_.Vector(row, buffer_);
}

void VectorDistance::FromRow::To(absl::Span<const uint32_t> rows, float* distances) const {
  for (size_t i = 0; i < rows.size(); ++i) distances[i] = distance_->Of(row_, vector_, rows[i]);
}

CodeDistance::CodeDistance(const CodeView& codes, const Rows& rows, Metric metric)
    : kernels_(kernels::CodeDistances(codes.format.bits)),
      codes_(codes),
      padded_(codes.format.Padded(codes.center.size())),
      is_dot_(metric == Metric::kDot),
      padding_(PaddingOf(codes.format.bits, padded_ - codes.center.size())) {
  norms_squared_.reserve(rows.count);
  for (uint32_t row = 0; row < rows.count; ++row) norms_squared_.push_back(Product(row, row));
  if (is_dot_) AddCenter(rows);
}

float CodeDistance::OfDot(uint32_t a, uint32_t b, int32_t product, bool differ) const {
  // Of products, whose floats would take no smaller steps apart.
  constexpr float kEqualShare = 1e-3F;
  const float dot = static_cast<float>(product - padding_) + (by_center_[a] + by_center_[b]);
  return differ ? -dot : kEqualShare * Gap(a, b) * std::max(std::fabs(dot), 1.0F) - dot;
}

float CodeDistance::OfEqual(uint32_t a, uint32_t b) {
  constexpr float kEqual = 1e-6F;
  return kEqual * Gap(a, b);
}

// With x = c + a and y = c + b, xy is ab + (xc - cc / 2) + (yc - cc / 2): what each row adds to the
// products of codes, in squares of their step.
void CodeDistance::AddCenter(const Rows& rows) {
  const absl::Span<const float> center = codes_.center;
  const auto& dot = kernels::Distances().dot;
  const float half = dot(center.data(), center.data(), center.size()) / 2;
  VectorBuffer buffer;
  for (size_t row = 0; row < rows.count; ++row) {
    const float product = dot(rows.Vector(row, buffer), center.data(), center.size());
    by_center_.push_back((product - half) / codes_.step / codes_.step);
  }
}

void CodeDistance::FromRow::Start(const CodeDistance& distance, uint32_t row) {
  distance_ = &distance;
  row_ = row;
  const size_t padded = distance.padded_;
  if (room_ < padded) {
    auto numbers = hwy::AllocateAligned<int8_t>(padded);
    if (numbers == nullptr) throw std::bad_alloc();
    numbers_ = std::move(numbers);
    room_ = padded;
  }
  distance.codes_.Numbers(row, absl::MakeSpan(numbers_.get(), padded));
  sum_ = 0;
  for (size_t i = 0; i < padded; ++i) sum_ += numbers_[i];
}

void CodeDistance::FromRow::To(absl::Span<const uint32_t> rows, float* distances) {
  const kernels::CodeKernels& kernels = distance_->kernels_;
  const CodeView& codes = distance_->codes_;
  if (dots_.size() < rows.size()) dots_.resize(rows.size());
  kernels.dot_rows(codes.codes, codes.stride, rows.data(), rows.size(), numbers_.get(),
                   distance_->padded_, dots_.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t product = kernels.scale * int64_t{dots_[i]} + kernels.offset * sum_;
    distances[i] = distance_->Of(row_, rows[i], static_cast<int32_t>(product));
  }
}

}  // namespace vecnest::index
