#include "engine/adaptor_pairs.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// Inputs that are encoded together: a job that is cancelled ends after these.
constexpr size_t kInputsPerBatch = 128;
// In memory at a time.
constexpr size_t kMostBytes = size_t{2} << 30;

std::string NameOf(size_t pair, std::string_view part) {
  return fmt::format("pair {}, {}", pair + 1, part);
}

absl::Status CheckWidth(const AdaptInput& input, size_t width, size_t pair, std::string_view part) {
  const auto* vector = std::get_if<std::vector<float>>(&input);
  if (vector == nullptr || vector->size() == width) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}: it has {} dimensions, expected {}",
                                                NameOf(pair, part), vector->size(), width));
}

// The vectors of some inputs, of which texts are encoded in one batch.
class InputReader {
 public:
  InputReader(const Shard& shard, Slot slot, const LoadedModels& models)
      : shard_(shard), slot_(slot), definition_(shard.definition()), texts_(models, *definition_) {}

  absl::Status Add(const AdaptInput& input, TextType type, std::string name,
                   std::vector<float>* rows) {
    const auto width = static_cast<size_t>(definition_->slots[slot_].config.size);
    const size_t begin = rows->size();
    rows->resize(begin + width);
    if (const auto* text = std::get_if<Text>(&input)) {
      auto ticket = texts_.Add(*text, slot_, type);
      if (!ticket.ok()) return Named(name, ticket.status());
      waiting_.push_back({std::move(name), rows, begin});
      return absl::OkStatus();
    }
    std::vector<float> vector;
    if (const auto* id = std::get_if<PointId>(&input)) {
      auto record = shard_.ReadVector(*id, slot_);
      if (!record.ok()) return Named(name, record.status());
      const std::optional<VectorRecord>& stored = *record;
      if (!stored) {
        return absl::NotFoundError(
            fmt::format("{}: no point with id {} has the vector", name, id->ToString()));
      }
      vector = stored->vector;
    } else {
      vector = std::get<std::vector<float>>(input);
    }
    std::copy(vector.begin(), vector.end(), rows->begin() + static_cast<ptrdiff_t>(begin));
    return absl::OkStatus();
  }

  absl::Status Encode() {
    const auto name = [&](size_t ticket) { return waiting_[ticket].name; };
    auto status = texts_.Run(name, embedder::Priority::kBulk, {});
    if (!status.ok()) return status;
    for (size_t ticket = 0; ticket < waiting_.size(); ++ticket) {
      const std::vector<float>& vector = texts_.result(ticket).vector;
      const auto& [unused, rows, begin] = waiting_[ticket];
      std::copy(vector.begin(), vector.end(), rows->begin() + static_cast<ptrdiff_t>(begin));
    }
    return absl::OkStatus();
  }

 private:
  struct Waiting {
    std::string name;
    std::vector<float>* rows;
    size_t begin;  // of its row
  };

  static absl::Status Named(const std::string& name, const absl::Status& status) {
    return {status.code(), fmt::format("{}: {}", name, std::string(status.message()))};
  }

  const Shard& shard_;
  const Slot slot_;
  const std::shared_ptr<const Definition> definition_;
  TextBatch texts_;
  std::vector<Waiting> waiting_;  // by ticket
};

// A job has nobody who would ask again where too many others wait for the model.
absl::Status EncodeInTurn(InputReader& reader, double share,
                          absl::FunctionRef<absl::Status(double share)> progress) {
  constexpr absl::Duration kPause = absl::Milliseconds(200);
  while (true) {
    absl::Status status = reader.Encode();
    if (!absl::IsResourceExhausted(status)) return status;
    absl::SleepFor(kPause);
    if (status = progress(share); !status.ok()) return status;
  }
}

}  // namespace

absl::Status CheckPairs(const Definition& definition, Slot slot,
                        const std::vector<AdaptPair>& pairs) {
  const auto width = static_cast<size_t>(definition.slots[slot].config.size);
  const size_t negatives = pairs.empty() ? 0 : pairs.front().negatives.size();
  if (negatives > AdaptRequest::kMostNegatives) {
    return absl::InvalidArgumentError(fmt::format("pair 1: {} negatives, expected at most {}",
                                                  negatives, AdaptRequest::kMostNegatives));
  }
  const size_t most = kMostBytes / ((2 + negatives) * width * sizeof(float));
  if (pairs.size() < AdaptRequest::kFewestPairs || pairs.size() > most) {
    return absl::InvalidArgumentError(
        fmt::format("pairs: {}, expected {} to {} with {} negatives each of {} dimensions",
                    pairs.size(), AdaptRequest::kFewestPairs, most, negatives, width));
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    const AdaptPair& pair = pairs[i];
    if (pair.negatives.size() != negatives) {
      return absl::InvalidArgumentError(
          fmt::format("pair {}: {} negatives, but the first has {}; all have as many", i + 1,
                      pair.negatives.size(), negatives));
    }
    auto status = CheckWidth(pair.query, width, i, "query");
    status.Update(CheckWidth(pair.positive, width, i, "positive"));
    for (const AdaptInput& negative : pair.negatives) {
      status.Update(CheckWidth(negative, width, i, "a negative"));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<PairVectors> ReadPairs(const Shard& shard, Slot slot, const LoadedModels& models,
                                      const std::vector<AdaptPair>& pairs,
                                      absl::FunctionRef<absl::Status(double share)> progress) {
  PairVectors vectors;
  vectors.negatives_per_pair = pairs.empty() ? 0 : pairs.front().negatives.size();
  const size_t batch = std::max<size_t>(kInputsPerBatch / (2 + vectors.negatives_per_pair), 1);
  for (size_t begin = 0; begin < pairs.size(); begin += batch) {
    const double share = static_cast<double>(begin) / static_cast<double>(pairs.size());
    if (auto status = progress(share); !status.ok()) return status;
    InputReader reader(shard, slot, models);
    for (size_t i = begin; i < std::min(begin + batch, pairs.size()); ++i) {
      const AdaptPair& pair = pairs[i];
      absl::Status status =
          reader.Add(pair.query, TextType::kQuery, NameOf(i, "query"), &vectors.queries);
      if (!status.ok()) return status;
      status =
          reader.Add(pair.positive, TextType::kDocument, NameOf(i, "positive"), &vectors.positives);
      if (!status.ok()) return status;
      for (const AdaptInput& negative : pair.negatives) {
        status =
            reader.Add(negative, TextType::kDocument, NameOf(i, "a negative"), &vectors.negatives);
        if (!status.ok()) return status;
      }
    }
    if (auto status = EncodeInTurn(reader, share, progress); !status.ok()) return status;
  }
  return vectors;
}

}  // namespace vecnest::engine
