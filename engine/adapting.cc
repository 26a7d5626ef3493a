#include "engine/adapting.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "embedder/adaptor_training.h"
#include "engine/adaptor_pairs.h"
#include "engine/maintainer.h"
#include "engine/vector_adaptor.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest::engine {
namespace {

// In memory at a time.
constexpr size_t kMostSampleBytes = size_t{2} << 30;

// Where lengths matter prefixes are compared as they are (index/scorer.h): scales and cosines have
// no part in it.
bool LengthsMatter(const SlotDefinition& slot, bool unit_norm) {
  return slot.config.metric != Metric::kCosine && !unit_norm;
}

embedder::AdaptorTraining TrainingFor(const AdaptRequest& request, bool lengths_matter) {
  embedder::AdaptorTraining training;
  training.seed = request.seed;
  training.temperature = request.temperature;
  training.steps = request.steps;
  for (const int width : request.widths) {
    training.widths.push_back(static_cast<size_t>(std::max(width, 0)));
  }
  training.normalize = !lengths_matter;
  training.method = request.method == AdaptMethod::kRotation || lengths_matter
                        ? embedder::AdaptorTraining::Method::kRotation
                        : embedder::AdaptorTraining::Method::kPrefixes;
  return training;
}

absl::Status CheckForPairs(const Shard& shard, Slot slot, const AdaptRequest& request,
                           bool lengths_matter) {
  if (request.method != AdaptMethod::kPairs) {
    if (request.pairs.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("pairs: only the method 'pairs' learns from them");
  }
  if (lengths_matter) {
    return absl::FailedPreconditionError(
        "pairs teach cosines; lengths of this vector matter to its metric, so only the method "
        "'rotation' is of use");
  }
  return CheckPairs(*shard.definition(), slot, request.pairs);
}

// Before the file is read: how many numbers an adaptor has follows from the width.
absl::Status CheckFileSize(std::string_view file, size_t width) {
  const size_t numbers = (width + 1) * width * sizeof(float);
  if (file.size() > numbers && file.size() - numbers <= embedder::Adaptor::kMostHeaderBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(fmt::format(
      "the adaptor's file has {} bytes; for the collection's vectors, of {} dimensions, it would "
      "have {} and a header",
      file.size(), width, numbers));
}

absl::Status Check(const Shard& shard, const AdaptRequest& request) {
  const auto meaning = shard.definition();
  auto slot = meaning->RequireSlot(request.vector_name);
  if (!slot.ok()) return slot.status();
  if (request.samples < AdaptRequest::kFewestSamples ||
      request.samples > AdaptRequest::kMostSamples) {
    return absl::InvalidArgumentError(fmt::format("samples: {}, expected {} to {}", request.samples,
                                                  AdaptRequest::kFewestSamples,
                                                  AdaptRequest::kMostSamples));
  }
  if (request.method == AdaptMethod::kNone) return absl::OkStatus();
  const SlotDefinition& defined = meaning->slots[*slot];
  if (defined.config.metric == Metric::kManhattan) {
    return absl::FailedPreconditionError(
        "an adaptor rotates vectors, which does not keep Manhattan distances; the vector's metric "
        "must be Cosine, Dot or Euclid");
  }
  const auto width = static_cast<size_t>(defined.config.size);
  if (request.method == AdaptMethod::kGiven) return CheckFileSize(request.adaptor, width);
  if (!request.adaptor.empty()) {
    return absl::InvalidArgumentError("adaptor: only the method 'given' takes one");
  }
  if (width > size_t{AdaptRequest::kMostDimensions}) {
    return absl::FailedPreconditionError(
        fmt::format("vectors of {} dimensions can't be adapted, at most {} can", width,
                    AdaptRequest::kMostDimensions));
  }
  if (request.samples * width * sizeof(float) > kMostSampleBytes) {
    return absl::InvalidArgumentError(
        fmt::format("samples: {}, expected at most {} of {} dimensions", request.samples,
                    kMostSampleBytes / (width * sizeof(float)), width));
  }
  const VectorInfo info = shard.Describe().vectors.at(request.vector_name);
  const bool lengths_matter = LengthsMatter(defined, info.unit_norm);
  absl::Status status = embedder::CheckTraining(TrainingFor(request, lengths_matter), width);
  if (status.ok()) status = CheckForPairs(shard, *slot, request, lengths_matter);
  if (!status.ok()) return status;
  const uint64_t vectors = info.vectors;
  if (vectors < AdaptRequest::kFewestSamples) {
    return absl::FailedPreconditionError(
        fmt::format("the collection has {} vectors, an adaptor is learned from at least {}",
                    vectors, AdaptRequest::kFewestSamples));
  }
  return absl::OkStatus();
}

// Null unless one is given.
absl::StatusOr<std::shared_ptr<const embedder::Adaptor>> ReadGiven(const Shard& shard,
                                                                   const AdaptRequest& request) {
  if (request.method != AdaptMethod::kGiven) return nullptr;
  auto given = DecodeAdaptor(request.adaptor);
  if (!given.ok()) return given.status();
  const auto meaning = shard.definition();
  const SlotDefinition& slot = meaning->slots[*meaning->FindSlot(request.vector_name)];
  auto fits =
      CheckAdaptor(VectorAdaptor(*given), slot.config.size, slot.model, slot.model_identity);
  if (!fits.ok()) return fits;
  return given;
}

}  // namespace

Adapting::~Adapting() {
  stop_ = true;
  std::thread last;
  {
    absl::MutexLock lock(&mutex_);
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

absl::Status Adapting::CheckIdle() const {
  if (current_.empty()) return absl::OkStatus();
  return absl::ResourceExhaustedError(fmt::format(
      "collection '{}' is being adapted, and one is at a time; wait until that is done, or cancel "
      "it",
      current_name_));
}

absl::Status Adapting::Start(std::shared_ptr<Shard> shard, AdaptRequest request) {
  if (auto status = Check(*shard, request); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    if (auto status = CheckIdle(); !status.ok()) return status;
  }
  auto given = ReadGiven(*shard, request);
  if (!given.ok()) return given.status();
  const std::string uuid = shard->definition()->uuid();
  absl::MutexLock lock(&mutex_);
  if (auto status = CheckIdle(); !status.ok()) return status;  // by now
  if (thread_.joinable()) thread_.join();                      // it has left its work behind
  stop_ = false;
  indexing_.vectors = indexing_.written = indexing_.linked = 0;
  current_name_ = shard->definition()->name;
  start_ = std::chrono::steady_clock::now();
  // What is looked at every now and then holds no texts.
  std::vector<AdaptPair> pairs = std::move(request.pairs);
  request.pairs.clear();
  request.adaptor.clear();
  jobs_[uuid] = {.request = request, .pairs = pairs.size(), .phase = AdaptPhase::kWaiting};
  request.pairs = std::move(pairs);
  spdlog::info("collection '{}': adapting ({})", current_name_, AdaptMethodName(request.method));
  try {
    // It waits for the lock that is held here.
    thread_ = std::thread([this, shard = std::move(shard), request = std::move(request),
                           given = *std::move(given)] { Run(shard, request, given); });
  } catch (const std::system_error&) {
    jobs_.erase(uuid);
    return absl::UnavailableError("no thread is to be had for adapting the collection");
  }
  current_ = uuid;
  return absl::OkStatus();
}

AdaptJob Adapting::Find(const Shard& shard) const {
  const std::string uuid = shard.definition()->uuid();
  absl::MutexLock lock(&mutex_);
  const auto found = jobs_.find(uuid);
  if (found == jobs_.end()) return {};
  AdaptJob job = found->second;
  if (current_ == uuid) {
    job.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (job.phase == AdaptPhase::kIndexing) job.progress = Share(indexing_);
  }
  return job;
}

bool Adapting::Cancel(const Shard& shard) {
  const std::string uuid = shard.definition()->uuid();
  absl::MutexLock lock(&mutex_);
  if (current_ != uuid) return false;
  stop_ = true;
  return true;
}

double Adapting::Share(const IndexingProgress& progress) {
  // Linking a vector takes some ten times as long as writing it.
  constexpr double kOfWriting = 0.1;
  const double vectors = static_cast<double>(std::max<size_t>(progress.vectors, 1));
  return (kOfWriting * static_cast<double>(progress.written) +
          (1 - kOfWriting) * static_cast<double>(progress.linked)) /
         vectors;
}

void Adapting::Enter(AdaptPhase phase) {
  absl::MutexLock lock(&mutex_);
  jobs_[current_].phase = phase;
  jobs_[current_].progress = 0;
}

void Adapting::Report(double progress) {
  absl::MutexLock lock(&mutex_);
  jobs_[current_].progress = progress;
}

absl::Status Adapting::ReportTraining(double share) {
  Report(share);
  return stop_ ? absl::CancelledError("training was cancelled") : absl::OkStatus();
}

absl::StatusOr<Adapting::AdaptorPtr> Adapting::Train(const Shard& shard, Slot slot,
                                                     const AdaptRequest& request) {
  const auto progress = [this](double share) { return ReportTraining(share); };
  const auto meaning = shard.definition();
  const SlotDefinition& defined = meaning->slots[slot];
  const auto width = static_cast<size_t>(defined.config.size);
  const bool unit_norm = shard.Describe().vectors.at(request.vector_name).unit_norm;
  auto training = TrainingFor(request, LengthsMatter(defined, unit_norm));
  // A name that no file can hold is not needed: the identity tells.
  if (embedder::Adaptor::IsModelName(defined.model)) training.model = defined.model;
  training.model_identity = defined.model_identity;
  PairVectors pairs;
  if (request.method == AdaptMethod::kPairs) {
    Enter(AdaptPhase::kEncoding);
    auto read = ReadPairs(shard, slot, models_, request.pairs, progress);
    if (!read.ok()) return read.status();
    pairs = *std::move(read);
  }
  Enter(AdaptPhase::kTraining);
  auto vectors = shard.SampleVectors(slot, request.samples, request.seed, stop_);
  if (!vectors.ok()) return vectors.status();
  if (request.method != AdaptMethod::kPairs) {
    return embedder::TrainAdaptor(*vectors, width, training, progress);
  }
  return embedder::TrainAdaptorOnPairs(pairs.View(), *vectors, width, training, progress);
}

absl::Status Adapting::Adapt(Shard& shard, const AdaptRequest& request, AdaptorPtr adaptor) {
  const auto meaning = shard.definition();
  auto slot = meaning->RequireSlot(request.vector_name);
  if (!slot.ok()) return slot.status();
  if (request.method == AdaptMethod::kNone) {
    if (shard.AdaptorOf(*slot) == nullptr) return absl::OkStatus();
  } else {
    if (adaptor == nullptr) {
      auto trained = Train(shard, *slot, request);
      if (!trained.ok()) return trained.status();
      adaptor = *std::move(trained);
    }
    absl::MutexLock lock(&mutex_);
    jobs_[current_].made = adaptor->parameters().method;
  }
  Enter(AdaptPhase::kIndexing);
  return shard.SetAdaptor(*slot, std::move(adaptor), stop_, indexing_);
}

void Adapting::Run(const std::shared_ptr<Shard>& shard, const AdaptRequest& request,
                   const AdaptorPtr& given) {
  BecomeBackground();
  {
    absl::MutexLock lock(&mutex_);  // until Start has done its part
  }
  absl::Status status;
  try {
    status = Adapt(*shard, request, given);
  } catch (const std::exception& error) {
    status = absl::InternalError(error.what());  // out of memory, most likely
  }
  done_(shard);
  const std::string name = shard->definition()->name;
  absl::MutexLock lock(&mutex_);
  AdaptJob& job = jobs_[current_];
  job.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (status.ok()) {
    spdlog::info("collection '{}' was adapted ({}) in {:.1f} s", name,
                 job.made.empty() ? AdaptMethodName(request.method) : job.made, job.seconds);
  } else if (absl::IsCancelled(status) || absl::IsNotFound(status)) {
    spdlog::info("collection '{}' is as it was: {}", name, std::string(status.message()));
  } else {
    spdlog::error("adapting collection '{}': {}", name, std::string(status.message()));
  }
  job.progress = status.ok() ? 1 : job.progress;
  job.phase = status.ok()                 ? AdaptPhase::kDone
              : absl::IsCancelled(status) ? AdaptPhase::kCancelled
                                          : AdaptPhase::kFailed;
  if (job.phase == AdaptPhase::kFailed) job.error = std::string(status.message());
  current_.clear();
}

}  // namespace vecnest::engine
