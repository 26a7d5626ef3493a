#include "engine/vector_check.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/conversions.h"
#include "fmt/format.h"
#include "index/scorer.h"
#include "index/value_format.h"

namespace vecnest::engine {
namespace {

// As it is stored, read and compared from then on. InvalidArgument: a component is beyond the
// datatype's range, or nothing is left of any.
absl::Status RoundVector(const PointId& id, const SlotDefinition& slot,
                         std::vector<float>& vector) {
  const auto format = ToValueFormat(slot.config.datatype);
  if (format == index::ValueFormat::kF32) return absl::OkStatus();
  std::vector<float> rounded = vector;
  index::RoundTo(format, absl::MakeSpan(rounded));
  const auto refuse = [&](const std::string& what) {
    return absl::InvalidArgumentError(
        fmt::format("point {}, vector '{}': {}; the collection keeps {}", id.ToString(), slot.name,
                    what, VectorDatatypeName(slot.config.datatype)));
  };
  const auto is_zero = [](float value) { return value == 0; };
  for (size_t i = 0; i < vector.size(); ++i) {
    if (std::isfinite(vector[i]) && !std::isfinite(rounded[i])) {
      return refuse(fmt::format("component {} is {}, which is out of range", i, vector[i]));
    }
  }
  if (std::all_of(rounded.begin(), rounded.end(), is_zero) &&
      !std::all_of(vector.begin(), vector.end(), is_zero)) {
    return refuse("its components are so small that they round to zero");
  }
  vector = std::move(rounded);
  return absl::OkStatus();
}

}  // namespace

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

absl::Status RoundVectors(const Definition& definition, std::vector<PointChange>& changes) {
  absl::Status status;
  for (PointChange& change : changes) {
    for (VectorWrite& write : change.vectors) {
      status.Update(RoundVector(ToPointId(change.key), definition.slots[write.slot], write.vector));
    }
  }
  return status;
}

}  // namespace vecnest::engine
