#include "engine/evaluation/ranking_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace vecnest::engine::evaluation {
namespace {

double DiscountAt(size_t index) { return 1 / std::log2(static_cast<double>(index) + 2); }

// The grades of all relevant documents, largest first: the best ranking there is.
std::vector<int> IdealGrades(const Judgements& judgements) {
  std::vector<int> ideal = judgements.missing;
  for (const auto& [document, grade] : judgements.grades) {
    if (grade > 0) ideal.push_back(grade);
  }
  std::sort(ideal.begin(), ideal.end(), std::greater<>());
  return ideal;
}

}  // namespace

int Judgements::GradeOf(uint32_t document) const {
  const auto found = grades.find(document);
  return found == grades.end() ? 0 : found->second;
}

size_t Judgements::Relevant() const {
  return missing.size() +
         static_cast<size_t>(std::count_if(grades.begin(), grades.end(),
                                           [](const auto& judged) { return judged.second > 0; }));
}

double NdcgAt(size_t k, absl::Span<const uint32_t> ranking, const Judgements& judgements) {
  const std::vector<int> ideal = IdealGrades(judgements);
  double largest = 0;
  for (size_t i = 0; i < std::min(k, ideal.size()); ++i) largest += ideal[i] * DiscountAt(i);
  if (largest == 0) return 0;
  double gain = 0;
  for (size_t i = 0; i < std::min(k, ranking.size()); ++i) {
    gain += std::max(judgements.GradeOf(ranking[i]), 0) * DiscountAt(i);
  }
  return gain / largest;
}

double RecallAt(size_t k, absl::Span<const uint32_t> ranking, const Judgements& judgements) {
  const size_t relevant = judgements.Relevant();
  if (relevant == 0) return 0;
  const auto found = std::count_if(
      ranking.begin(), ranking.begin() + static_cast<ptrdiff_t>(std::min(k, ranking.size())),
      [&](uint32_t document) { return judgements.GradeOf(document) > 0; });
  return static_cast<double>(found) / static_cast<double>(relevant);
}

double ReciprocalRankAt(size_t k, absl::Span<const uint32_t> ranking,
                        const Judgements& judgements) {
  for (size_t i = 0; i < std::min(k, ranking.size()); ++i) {
    if (judgements.GradeOf(ranking[i]) > 0) return 1 / static_cast<double>(i + 1);
  }
  return 0;
}

}  // namespace vecnest::engine::evaluation
