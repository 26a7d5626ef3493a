#include "engine/vector_check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/shard.h"
#include "fmt/format.h"
#include "index/scorer.h"

namespace vecnest::engine {

absl::Status CheckLength(const std::vector<float>& vector) {
  const bool zero = std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
  if (zero || index::InverseNorm(vector) > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the vector's length is outside 1.1e-19 to 1.8e19, where cosine can be computed; scale it");
}

absl::Status CheckVector(const PointId& id, const SlotDefinition& slot,
                         const std::vector<float>& vector) {
  const auto where = [&] { return fmt::format("point {}, vector '{}'", id.ToString(), slot.name); };
  if (vector.size() != static_cast<size_t>(slot.config.size)) {
    return absl::InvalidArgumentError(fmt::format(
        "Wrong input: Vector dimension error: expected dim: {}, got {} ({}{})", slot.config.size,
        vector.size(), where(), slot.model.empty() ? "" : fmt::format(", model {}", slot.model)));
  }
  const auto bad = std::find_if_not(vector.begin(), vector.end(),
                                    [](float value) { return std::isfinite(value); });
  if (bad != vector.end()) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: component {} is {}, expected a finite number", where(), bad - vector.begin(), *bad));
  }
  if (slot.config.metric != Metric::kCosine) return absl::OkStatus();
  const absl::Status length = CheckLength(vector);
  if (length.ok()) return length;
  return absl::InvalidArgumentError(fmt::format("{}: {}", where(), std::string(length.message())));
}

absl::Status CheckVectors(const Definition& definition, const std::vector<PointChange>& changes) {
  for (const PointChange& change : changes) {
    for (const VectorWrite& write : change.vectors) {
      absl::Status status =
          CheckVector(ToPointId(change.key), definition.slots[write.slot], write.vector);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace vecnest::engine
