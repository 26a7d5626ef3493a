// Vectors and plain-loop answers for the tests of the index.
#ifndef VECNEST_TESTS_INDEX_TEST_VECTORS_H_
#define VECNEST_TESTS_INDEX_TEST_VECTORS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "hwy/aligned_allocator.h"
#include "index/metric.h"
#include "index/quantizer.h"
#include "index/scorer.h"
#include "index/segment_writer.h"
#include "index/vector_index.h"
#include "tests/temporary_directory.h"

namespace vecnest::index::testing {

// `count` vectors of `dimensions`, row after row.
struct Matrix {
  size_t dimensions = 0;
  std::vector<float> values;

  size_t count() const { return dimensions == 0 ? 0 : values.size() / dimensions; }
  absl::Span<const float> Row(size_t row) const {
    return {values.data() + row * dimensions, dimensions};
  }
};

inline std::vector<float> Normal(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

inline void Normalize(float* vector, size_t dimensions) {
  double norm = 0;
  for (size_t i = 0; i < dimensions; ++i) norm += static_cast<double>(vector[i]) * vector[i];
  const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
  for (size_t i = 0; i < dimensions; ++i) vector[i] = static_cast<float>(vector[i] * scale);
}

// Topics within topics, with noise that fades over the dimensions: like sentence embeddings,
// vectors fill a space of some 30 dimensions unevenly. `seed` chooses the points, the topics are
// always the same, so that queries come from where the points are.
inline Matrix Clustered(size_t count, size_t dimensions, uint32_t seed, bool unit = true) {
  constexpr size_t kTopics = 40;
  constexpr size_t kFactors = 32;
  std::mt19937 fixed(7);
  std::normal_distribution<float> normal;
  Matrix factors{dimensions, {}};
  factors.values.resize(kFactors * dimensions);
  for (float& value : factors.values) value = normal(fixed);
  Matrix topics{kFactors, {}};
  topics.values.resize(kTopics * kFactors);
  for (float& value : topics.values) value = normal(fixed);

  std::mt19937 generator(seed);
  Matrix points{dimensions, std::vector<float>(count * dimensions)};
  for (size_t row = 0; row < count; ++row) {
    const size_t topic = generator() % kTopics;
    float* point = &points.values[row * dimensions];
    for (size_t f = 0; f < kFactors; ++f) {
      const float weight = topics.Row(topic)[f] + 0.8F * normal(generator);
      for (size_t i = 0; i < dimensions; ++i) point[i] += weight * factors.Row(f)[i];
    }
    for (size_t i = 0; i < dimensions; ++i) point[i] += 1.5F * normal(generator);
    if (unit) Normalize(point, dimensions);
  }
  return points;
}

// A piece of background work, if there is any.
inline absl::StatusOr<bool> Maintain(VectorIndex& index) {
  absl::StatusOr<bool> sealed = index.SealFull();
  return !sealed.ok() || *sealed ? sealed : index.MergeSome();
}

// The score of scorer.h in double, written from its definition.
inline double PlainScore(Metric metric, absl::Span<const float> query,
                         absl::Span<const float> vector, size_t width, bool renormalize) {
  std::vector<double> q(query.begin(), query.begin() + static_cast<ptrdiff_t>(width));
  std::vector<double> v(vector.begin(), vector.begin() + static_cast<ptrdiff_t>(width));
  const auto norm = [](const auto& values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum);
  };
  const auto scale = [](std::vector<double>& values, double factor) {
    for (double& value : values) value *= factor;
  };
  const double nq = norm(q);
  const double nv = norm(v);
  if (metric == Metric::kCosine) {
    scale(q, nq > 0 ? 1 / nq : 0);
    scale(v, nv > 0 ? 1 / nv : 0);
  } else if (renormalize && width < query.size()) {
    scale(q, nq > 0 ? norm(query) / nq : 0);
    scale(v, nv > 0 ? 1 / nv : 0);
  }
  double sum = 0;
  for (size_t i = 0; i < width; ++i) {
    const double difference = q[i] - v[i];
    if (LargerIsNearer(metric)) sum += q[i] * v[i];
    if (metric == Metric::kEuclid) sum += difference * difference;
    if (metric == Metric::kManhattan) sum += std::fabs(difference);
  }
  return metric == Metric::kEuclid ? std::sqrt(sum) : sum;
}

// Vectors as one block of rows.
class Block {
 public:
  explicit Block(const Matrix& vectors) : vectors_(vectors), marks_(vectors.count()) {
    for (size_t row = 0; row < vectors.count(); ++row) {
      labels_.push_back(row + 1);
      keys_.push_back({1, 0, row + 1});
      numbers_.push_back(static_cast<PointNumber>(row));
      norms_.push_back(InverseNorm(vectors.Row(row)));
    }
  }

  Rows View() {
    Rows rows;
    rows.count = labels_.size();
    rows.stride = vectors_.dimensions;
    rows.labels = labels_.data();
    rows.keys = keys_.data();
    rows.numbers = numbers_.data();
    rows.inverse_norms = norms_.data();
    rows.vectors = vectors_.values.data();
    rows.marks = &marks_;
    return rows;
  }

  // Owned by the block.
  CodeView Codes(CodeFormat format = {8, true}) {
    quantizer_.emplace(Quantizer::Fit(View(), vectors_.dimensions, format));
    codes_ = hwy::AllocateAligned<uint8_t>(vectors_.count() * format.Bytes(vectors_.dimensions));
    quantizer_->EncodeAll(View(), codes_.get(), 1, nullptr);
    return quantizer_->View(codes_.get());
  }

 private:
  const Matrix vectors_;
  std::vector<Label> labels_;
  std::vector<StoredKey> keys_;
  std::vector<PointNumber> numbers_;
  std::vector<float> norms_;
  DeletionMarks marks_;
  std::optional<Quantizer> quantizer_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> codes_;
};

// Of a graph of `count` rows, how many its lowest layer does not lead to from the entry point.
inline size_t Unreachable(const GraphView& graph, size_t count) {
  std::vector<bool> met(count);
  std::vector<uint32_t> waiting = {graph.entry_point};
  met[graph.entry_point] = true;
  size_t unmet = count - 1;
  while (!waiting.empty()) {
    const uint32_t row = waiting.back();
    waiting.pop_back();
    for (const uint32_t link : graph.Links(row)) {
      if (met[link]) continue;
      met[link] = true;
      --unmet;
      waiting.push_back(link);
    }
  }
  return unmet;
}

// Writes a segment file of labels 1 .. n with the keys KeyOf(label), which are the numbers, too.
inline absl::Status WriteSegmentFile(const std::string& directory, const std::string& name,
                                     const Matrix& vectors, GraphParams params = {}) {
  params.dimensions = vectors.dimensions;
  auto writer = SegmentWriter::Create(directory, name, vectors.count(), params);
  if (!writer.ok()) return writer.status();
  for (size_t row = 0; row < vectors.count(); ++row) {
    (*writer)->Append(row + 1, StoredKey{1, 0, row + 1}, static_cast<PointNumber>(row + 1),
                      InverseNorm(vectors.Row(row)), vectors.Row(row).data());
  }
  return (*writer)->Commit();
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The set of the given numbers.
inline PointSet SetOf(const std::vector<PointNumber>& numbers) {
  PointNumber largest = 0;
  for (const PointNumber number : numbers) largest = std::max(largest, number);
  PointSet set(size_t{largest} + 1);
  for (const PointNumber number : numbers) set.Add(number);
  return set;
}

inline PointKey KeyOf(uint64_t number) { return {1, 0, number}; }

}  // namespace vecnest::index::testing

#endif  // VECNEST_TESTS_INDEX_TEST_VECTORS_H_
