#include "embedder/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "embedder/architecture.h"
#include "embedder/batch_scheduler.h"
#include "embedder/chunker.h"
#include "embedder/model_loader.h"
#include "embedder/pooling.h"
#include "embedder/status_macros.h"
#include "embedder/team.h"
#include "embedder/tokenizer.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

// Tokens of one forward pass. More would only cost cache and memory: the matrix products reach
// full speed well below.
constexpr size_t kPassTokens = 1024;
// A pass of more tokens is not shared by several threads: it is bulk work, or one of several that
// the scheduler makes of a call.
constexpr size_t kSharedPassTokens = 96;
// Texts that are tokenized and encoded before the next ones, so that what a call needs besides its
// result does not grow with their number.
constexpr size_t kWindowTexts = 4096;
// Room for any character, and not less than anybody would want.
constexpr size_t kSmallestChunk = 8;

bool IsFinite(const std::vector<float>& vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); });
}

// Workspaces that no forward pass uses at the moment.
class WorkspacePool {
 public:
  using Workspace = std::unique_ptr<Architecture::Workspace>;

  Workspace Take(const Architecture& architecture) {
    {
      const absl::MutexLock lock(&mutex_);
      if (!idle_.empty()) {
        Workspace workspace = std::move(idle_.back());
        idle_.pop_back();
        return workspace;
      }
    }
    return architecture.NewWorkspace();
  }

  void Return(Workspace workspace) {
    const absl::MutexLock lock(&mutex_);
    idle_.push_back(std::move(workspace));
  }

 private:
  absl::Mutex mutex_;
  std::vector<Workspace> idle_ ABSL_GUARDED_BY(mutex_);
};

class ModelEncoder : public Encoder {
 public:
  ModelEncoder(LoadedModel model, const LoadOptions& options)
      : info_(std::move(model.info)),
        pooling_(model.pooling),
        tokenizer_(std::move(model.tokenizer)),
        architecture_(std::move(model.architecture)),
        team_(static_cast<size_t>(options.threads)),
        scheduler_({.threads = options.threads,
                    .pass_tokens = kPassTokens,
                    .waiting_calls = options.waiting_calls},
                   architecture_->shape().width,
                   [this](const TokenSpan& tokens, Architecture::HiddenStateSink sink) {
                     return Forward(tokens, sink);
                   }) {}

  const ModelInfo& info() const override { return info_; }
  EncoderStats stats() const override {
    EncoderStats stats = scheduler_.stats();
    stats.dropped += dropped_;
    return stats;
  }

  absl::StatusOr<TokenBatch> Tokenize(absl::Span<const std::string_view> texts,
                                      const EncodeOptions& options) const override {
    std::vector<bool> truncated;
    return TokenizeTexts(texts, 0, options, {}, &truncated);
  }

  absl::StatusOr<std::vector<Encoding>> Encode(absl::Span<const std::string_view> texts,
                                               const EncodeOptions& options,
                                               const CallControl& control) const override {
    VECNEST_ASSIGN_OR_RETURN(const size_t dimensions, Dimensions(options));
    std::vector<Encoding> encodings(texts.size());
    for (size_t begin = 0; begin < texts.size(); begin += kWindowTexts) {
      const auto window = texts.subspan(begin, kWindowTexts);
      std::vector<bool> truncated;
      const absl::StatusOr<TokenBatch> batch =
          TokenizeTexts(window, begin, options, control, &truncated);
      if (absl::IsCancelled(batch.status()) || absl::IsDeadlineExceeded(batch.status())) {
        dropped_ += texts.size() - begin;
      }
      if (!batch.ok()) return batch.status();
      const auto results = absl::MakeSpan(encodings).subspan(begin, window.size());
      VECNEST_RETURN_IF_ERROR(EncodeBatch(*batch, dimensions, control, results));
      for (size_t i = 0; i < results.size(); ++i) results[i].truncated = truncated[i];
    }
    return encodings;
  }

  absl::StatusOr<std::vector<TextSpan>> SplitText(std::string_view text, const ChunkLimits& limits,
                                                  const EncodeOptions& options,
                                                  const CallControl& control) const override;

  absl::StatusOr<std::vector<Encoding>> EncodeTokens(const TokenBatch& batch,
                                                     const EncodeOptions& options,
                                                     const CallControl& control) const override {
    VECNEST_ASSIGN_OR_RETURN(const size_t dimensions, Dimensions(options));
    VECNEST_RETURN_IF_ERROR(CheckTokens(batch));
    std::vector<Encoding> encodings(batch.size());
    VECNEST_RETURN_IF_ERROR(EncodeBatch(batch, dimensions, control, absl::MakeSpan(encodings)));
    return encodings;
  }

  absl::Status VisitStates(const TokenBatch& batch, const CallControl& control,
                           BatchScheduler::Sink sink) const override {
    VECNEST_RETURN_IF_ERROR(CheckTokens(batch));
    return scheduler_.Run(batch, control, sink);
  }

  ModelParts parts() const override { return {tokenizer_.get(), architecture_.get(), pooling_}; }

  const Vocabulary& vocabulary() const override {
    std::call_once(vocabulary_made_, [this] {
      vocabulary_ =
          std::make_unique<const Vocabulary>(*tokenizer_, architecture_->shape().vocabulary);
    });
    return *vocabulary_;
  }

 private:
  const std::string& PrefixOf(const EncodeOptions& options) const {
    if (options.prefix) return *options.prefix;
    return options.type == TextType::kQuery ? info_.query_prefix : info_.document_prefix;
  }

  absl::StatusOr<size_t> Dimensions(const EncodeOptions& options) const {
    if (options.dimensions < 0 || options.dimensions > info_.dimensions) {
      return absl::InvalidArgumentError(fmt::format("dimensions must be 1 to {} for {}, not {}",
                                                    info_.dimensions, info_.name,
                                                    options.dimensions));
    }
    return static_cast<size_t>(options.dimensions == 0 ? info_.dimensions : options.dimensions);
  }

  // `first`: the position of the first text among the caller's, for messages.
  absl::StatusOr<TokenBatch> TokenizeTexts(absl::Span<const std::string_view> texts, size_t first,
                                           const EncodeOptions& options, const CallControl& control,
                                           std::vector<bool>* truncated) const;
  absl::Status CheckTokens(const TokenBatch& batch) const;
  // Fills all but `truncated`.
  absl::Status EncodeBatch(const TokenBatch& batch, size_t dimensions, const CallControl& control,
                           absl::Span<Encoding> encodings) const;
  absl::Status Forward(const TokenSpan& tokens, Architecture::HiddenStateSink sink) const;

  // Around every text.
  size_t SpecialTokens() const {
    return tokenizer_->traits().before.size() + tokenizer_->traits().after.size();
  }

  ModelInfo info_;
  Pooling pooling_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<const Architecture> architecture_;
  mutable std::once_flag vocabulary_made_;
  mutable std::unique_ptr<const Vocabulary> vocabulary_;
  mutable WorkspacePool workspaces_;
  mutable Team team_;
  mutable std::atomic<uint64_t> dropped_ = 0;  // texts, before they came to the scheduler
  mutable BatchScheduler scheduler_;           // last: its threads use the rest
};

absl::StatusOr<TokenBatch> ModelEncoder::TokenizeTexts(absl::Span<const std::string_view> texts,
                                                       size_t first, const EncodeOptions& options,
                                                       const CallControl& control,
                                                       std::vector<bool>* truncated) const {
  const std::string& prefix = PrefixOf(options);
  if (FindInvalidUtf8(prefix)) return absl::InvalidArgumentError("the prefix is not valid UTF-8");
  const Tokenizer::Traits& traits = tokenizer_->traits();
  const size_t most = static_cast<size_t>(info_.max_tokens) - SpecialTokens();
  const size_t limit = options.truncate ? most : std::numeric_limits<size_t>::max() / 2;
  TokenBatch batch;
  std::string prefixed;
  for (size_t i = 0; i < texts.size(); ++i) {
    VECNEST_RETURN_IF_ERROR(control.Check());
    std::string_view text = texts[i];
    if (const std::optional<size_t> bad = FindInvalidUtf8(text)) {
      return absl::InvalidArgumentError(
          fmt::format("text {} is not valid UTF-8 at byte {}", first + i, *bad));
    }
    if (!prefix.empty()) {
      prefixed = prefix;
      prefixed += text;
      text = prefixed;
    }
    batch.ids.insert(batch.ids.end(), traits.before.begin(), traits.before.end());
    absl::Status wanted;
    truncated->push_back(tokenizer_->Tokenize(text, limit, &batch.ids, [&] {
      wanted = control.Check();
      return wanted.ok();
    }));
    VECNEST_RETURN_IF_ERROR(wanted);
    batch.ids.insert(batch.ids.end(), traits.after.begin(), traits.after.end());
    const size_t tokens = batch.ids.size() - batch.offsets.back();
    if (tokens > static_cast<size_t>(info_.max_tokens)) {
      return absl::InvalidArgumentError(fmt::format("text {} has {} tokens, {} reads at most {}",
                                                    first + i, tokens, info_.name,
                                                    info_.max_tokens));
    }
    if (traits.dropped_id) {
      const auto begin = batch.ids.begin() + static_cast<ptrdiff_t>(batch.offsets.back());
      batch.ids.erase(std::remove(begin, batch.ids.end(), *traits.dropped_id), batch.ids.end());
    }
    batch.offsets.push_back(batch.ids.size());
  }
  return batch;
}

absl::StatusOr<std::vector<TextSpan>> ModelEncoder::SplitText(std::string_view text,
                                                              const ChunkLimits& limits,
                                                              const EncodeOptions& options,
                                                              const CallControl& control) const {
  const std::string& prefix = PrefixOf(options);
  if (FindInvalidUtf8(prefix)) return absl::InvalidArgumentError("the prefix is not valid UTF-8");
  if (const std::optional<size_t> bad = FindInvalidUtf8(text)) {
    return absl::InvalidArgumentError(fmt::format("the text is not valid UTF-8 at byte {}", *bad));
  }
  // What is far too long need not be counted to its end.
  const size_t enough = 2 * static_cast<size_t>(info_.max_tokens);
  std::string prefixed;
  std::vector<int32_t> ids;
  bool over = false;
  const auto count = [&](std::string_view piece) {
    over = over || !control.Check().ok();
    if (over) return SpecialTokens() + 1;  // to come to an end
    if (!prefix.empty()) {
      prefixed = prefix;
      prefixed += piece;
      piece = prefixed;
    }
    ids.clear();
    const bool more = tokenizer_->Tokenize(piece, enough, &ids);
    return ids.size() + SpecialTokens() + (more ? 1 : 0);
  };
  const size_t around = count("");
  const auto longest = static_cast<size_t>(info_.max_tokens);
  if (limits.max_tokens < around + kSmallestChunk || limits.max_tokens > longest) {
    return absl::InvalidArgumentError(fmt::format(
        "max_tokens: {}, expected {} to {}: {} reads at most {} tokens, {} of them special tokens "
        "and prefix, and a chunk holds at least {} others",
        limits.max_tokens, around + kSmallestChunk, longest, info_.name, longest, around,
        kSmallestChunk));
  }
  if (limits.overlap >= limits.max_tokens - around) {
    return absl::InvalidArgumentError(fmt::format(
        "overlap: {}, expected 0 to {}: of the {} tokens of a chunk {} are special tokens and "
        "prefix",
        limits.overlap, limits.max_tokens - around - 1, limits.max_tokens, around));
  }
  auto chunks = SplitIntoChunks(text, limits, count);
  if (over) return control.Check();
  if (chunks) return *std::move(chunks);
  return absl::InvalidArgumentError(
      fmt::format("the text has more than {} chunks of {} tokens, {} of them repeated",
                  limits.max_chunks, limits.max_tokens, limits.overlap));
}

absl::Status ModelEncoder::CheckTokens(const TokenBatch& batch) const {
  if (batch.offsets.empty() || batch.offsets.front() != 0 ||
      batch.offsets.back() != batch.ids.size()) {
    return absl::InvalidArgumentError("the batch's offsets do not span its ids");
  }
  const Architecture::Shape& shape = architecture_->shape();
  for (size_t i = 0; i < batch.size(); ++i) {
    const size_t begin = batch.offsets[i];
    const size_t end = batch.offsets[i + 1];
    if (end <= begin || end > batch.ids.size() ||
        end - begin > static_cast<size_t>(info_.max_tokens)) {
      return absl::InvalidArgumentError(
          fmt::format("sequence {} runs from {} to {}; it must have 1 to {} tokens", i, begin, end,
                      info_.max_tokens));
    }
    for (size_t t = begin; t < end; ++t) {
      if (batch.ids[t] < 0 || static_cast<size_t>(batch.ids[t]) >= shape.vocabulary) {
        return absl::InvalidArgumentError(
            fmt::format("sequence {}: token id {} is outside the vocabulary of {}", i, batch.ids[t],
                        shape.vocabulary));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ModelEncoder::EncodeBatch(const TokenBatch& batch, size_t dimensions,
                                       const CallControl& control,
                                       absl::Span<Encoding> encodings) const {
  const Architecture::Shape& shape = architecture_->shape();
  std::atomic<bool> finite = true;
  const auto pool = [&](size_t i, size_t layer, const float* rows) {
    if (layer != shape.layers) return;
    const size_t tokens = batch.offsets[i + 1] - batch.offsets[i];
    encodings[i].vector =
        PoolTokens(pooling_, rows, tokens, shape.width, dimensions, info_.normalized);
    encodings[i].tokens = static_cast<int>(tokens);
    if (!IsFinite(encodings[i].vector)) finite = false;
  };
  VECNEST_RETURN_IF_ERROR(scheduler_.Run(batch, control, pool));
  if (finite) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("the output of model {} is not finite: its weights or its configuration ({}) are "
                  "damaged",
                  info_.name, info_.directory));
}

absl::Status ModelEncoder::Forward(const TokenSpan& tokens,
                                   Architecture::HiddenStateSink sink) const {
  try {
    WorkspacePool::Workspace workspace = workspaces_.Take(*architecture_);
    const Team::Pass pass(tokens.ids.size() <= kSharedPassTokens ? &team_ : nullptr);
    workspace->team = pass.team();
    absl::Status status = architecture_->Forward(tokens, workspace.get(), sink);
    workspaces_.Return(std::move(workspace));
    return status;
  } catch (const std::bad_alloc&) {
    return absl::UnavailableError("no memory for a forward pass");
  } catch (const std::exception& error) {
    return absl::InternalError(fmt::format("a forward pass: {}", error.what()));
  }
}

}  // namespace

absl::StatusOr<std::vector<std::vector<float>>> Encoder::HiddenStates(
    const TokenBatch& batch, const CallControl& control) const {
  const Architecture::Shape& shape = parts().architecture->shape();
  std::vector<std::vector<float>> states(shape.layers + 1);
  for (std::vector<float>& state : states) state.resize(batch.ids.size() * shape.width);
  const auto copy = [&](size_t i, size_t layer, const float* rows) {
    std::memcpy(states[layer].data() + batch.offsets[i] * shape.width, rows,
                (batch.offsets[i + 1] - batch.offsets[i]) * shape.width * sizeof(float));
  };
  VECNEST_RETURN_IF_ERROR(VisitStates(batch, control, copy));
  return states;
}

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Load(const std::string& path,
                                                       const LoadOptions& options) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        fmt::format("threads must be at least 1, not {}", options.threads));
  }
  VECNEST_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(path, options.precision));
  return std::make_unique<ModelEncoder>(std::move(model), options);
}

}  // namespace vecnest::embedder
