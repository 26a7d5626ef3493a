#include "index/search_plan.h"

#include <algorithm>
#include <cmath>

namespace vecnest::index {
namespace {

// Per row that it expands, a walk computes about 12 distances (10 to 13 on 20,000 vectors of 384
// dimensions, ef 32 to 128), and one of them, heaps and cache misses included, takes as long as
// three in a scan.
constexpr double kDistancesPerStep = 12;
constexpr double kRandomAccess = 3;

bool SharesOrder(Metric metric) { return metric != Metric::kManhattan; }

}  // namespace

bool GraphServes(Metric graph_metric, Metric metric, bool unit_norm) {
  return graph_metric == metric || (unit_norm && SharesOrder(graph_metric) && SharesOrder(metric));
}

size_t DefaultEf(size_t k, size_t rows, size_t dimensions, size_t width) {
  // 48 at 16,000 rows, 72 at a million.
  const double doublings = std::log2(static_cast<double>(std::max<size_t>(rows, 4096)) / 4096);
  const double narrowing = std::sqrt(static_cast<double>(width) / static_cast<double>(dimensions));
  const auto base = static_cast<size_t>((40 + 4 * doublings) * std::min(narrowing, 4.0));
  return std::max(base, k + base / 2);
}

size_t DefaultRescored(size_t wanted, size_t dimensions, size_t width) {
  const size_t spare = std::max<size_t>(8, wanted / 2);
  const double narrowing = std::sqrt(static_cast<double>(width) / static_cast<double>(dimensions));
  return wanted + static_cast<size_t>(static_cast<double>(spare) * std::min(narrowing, 8.0));
}

bool ScanIsCheaper(size_t matches, size_t rows, size_t ef) {
  if (matches == 0) return true;
  const auto selected = static_cast<double>(matches);
  const double steps = static_cast<double>(ef) * static_cast<double>(rows) / selected;
  return selected <= steps * kDistancesPerStep * kRandomAccess;
}

}  // namespace vecnest::index
