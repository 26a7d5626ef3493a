#include "embedder/batch_scheduler.h"

#include <algorithm>
#include <new>
#include <numeric>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace vecnest::embedder {
namespace {

// How often a waiting call asks whether its result is still wanted.
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

// Not ResourceExhausted, which is for calls that may come again at once: here the machine is at
// fault.
absl::Status NoMemory() { return absl::UnavailableError("no memory for a forward pass"); }

}  // namespace

// Lives on the stack of Run; guarded by mutex_ but for `batch` and `sink`.
struct BatchScheduler::Call {
  Call(const TokenBatch& given_batch, const CallControl& given_control, Sink given_sink)
      : batch(given_batch), control(given_control), sink(given_sink), order(batch.size()) {
    // The longest first: the last passes, which not all threads share, are then the shortest.
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [this](size_t a, size_t b) { return Length(a) > Length(b); });
  }

  size_t Length(size_t index) const { return batch.offsets[index + 1] - batch.offsets[index]; }
  bool waits() const { return taken < order.size(); }
  bool done() const { return !waits() && running == 0; }

  const TokenBatch& batch;
  const CallControl& control;
  Sink sink;
  std::vector<size_t> order;
  size_t taken = 0;    // of `order`
  size_t running = 0;  // sequences in passes that run
  absl::Status status;
};

struct BatchScheduler::Pass {
  struct Sequence {
    Call* call;
    size_t index;
  };

  void Add(Call* call, size_t index) {
    // All or nothing, should there be no memory.
    MakeRoom(&sequences);
    MakeRoom(&tokens.offsets);
    const auto begin = call->batch.ids.begin();
    tokens.ids.insert(tokens.ids.end(), begin + static_cast<ptrdiff_t>(call->batch.offsets[index]),
                      begin + static_cast<ptrdiff_t>(call->batch.offsets[index + 1]));
    tokens.offsets.push_back(tokens.ids.size());
    sequences.push_back({call, index});
  }

  // For one more, growing as push_back does.
  template <typename T>
  static void MakeRoom(std::vector<T>* values) {
    if (values->size() == values->capacity()) values->reserve(2 * values->size() + 8);
  }

  TokenBatch tokens;
  std::vector<Sequence> sequences;
};

BatchScheduler::BatchScheduler(const Options& options, size_t width, Forward forward)
    : options_(options), width_(width), forward_(std::move(forward)) {
  for (int i = 1; i < options_.threads; ++i) helpers_.emplace_back([this] { Work(); });
}

BatchScheduler::~BatchScheduler() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& helper : helpers_) helper.join();
}

BatchScheduler::Stats BatchScheduler::stats() const {
  const absl::MutexLock lock(&mutex_);
  Stats stats = stats_;
  for (const Lane& lane : lanes_) stats.waiting += lane.waiting.size();
  return stats;
}

absl::Status BatchScheduler::Run(const TokenBatch& batch, const CallControl& control, Sink sink) {
  if (batch.size() == 0) return control.Check();
  std::optional<Call> made;
  try {
    made.emplace(batch, control, sink);
  } catch (const std::bad_alloc&) {
    return NoMemory();
  }
  Call& call = *made;
  const absl::MutexLock lock(&mutex_);
  Lane& lane = lanes_[static_cast<size_t>(control.priority)];
  if (lane.waiting.size() >= options_.waiting_calls) {
    ++stats_.refused;
    return absl::ResourceExhaustedError("too many calls wait for the encoder; try again later");
  }
  try {
    lane.waiting.push_back(&call);
  } catch (const std::bad_alloc&) {
    return NoMemory();
  }
  lane.waiting_tokens += batch.ids.size();
  while (!call.done()) {
    if (call.waits() && lane.running < options_.threads) {
      RunPass(&lane);
    } else {
      Await(&call);
    }
  }
  return call.status;
}

void BatchScheduler::Await(Call* call) {
  Lane& lane = lanes_[static_cast<size_t>(call->control.priority)];
  const auto ready = [this, call, &lane]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return call->done() || (call->waits() && lane.running < options_.threads);
  };
  if (mutex_.AwaitWithTimeout(absl::Condition(&ready), kLookAgain) || !call->waits()) return;
  if (const absl::Status status = call->control.Check(); !status.ok()) Drop(&lane, call, status);
}

void BatchScheduler::Form(Lane* lane, Pass* pass) {
  // A share of what waits, so that every thread gets some.
  const size_t share = lane->waiting_tokens / static_cast<size_t>(options_.threads) + 1;
  const size_t budget = std::min(options_.pass_tokens, share);
  while (!lane->waiting.empty()) {
    Call* call = lane->waiting.front();
    if (const absl::Status status = call->control.Check(); !status.ok()) {
      Drop(lane, call, status);
      continue;
    }
    const size_t taken_before = call->taken;
    for (; call->waits(); ++call->taken, ++call->running) {
      const size_t index = call->order[call->taken];
      const size_t length = call->Length(index);
      if (!pass->sequences.empty() && pass->tokens.ids.size() + length > budget) break;
      if (pass->sequences.size() >= options_.pass_tokens) break;
      pass->Add(call, index);
      lane->waiting_tokens -= length;
    }
    if (call->waits()) {
      // Its next turn comes after everyone else's; if there was no room for it, it is the next.
      if (call->taken > taken_before) {
        lane->waiting.push_back(call);
        lane->waiting.pop_front();
      }
      return;
    }
    lane->waiting.pop_front();
  }
}

void BatchScheduler::TryForm(Lane* lane, Pass* pass) {
  try {
    Form(lane, pass);
  } catch (const std::bad_alloc&) {
    // What was gathered is whole; the call that there was no room for comes with the next pass.
    if (pass->sequences.empty() && !lane->waiting.empty()) {
      Drop(lane, lane->waiting.front(), NoMemory());
    }
  }
}

void BatchScheduler::Settle(Lane* lane, const Pass& pass, const absl::Status& status) {
  for (const auto& [call, index] : pass.sequences) {
    --call->running;
    if (!status.ok()) Drop(lane, call, status);
  }
}

void BatchScheduler::RunApart(Lane* lane, const Pass& pass, const absl::Status& status) {
  // A call has one turn in a pass, so what it has there stands together.
  for (size_t begin = 0; begin < pass.sequences.size();) {
    Call* call = pass.sequences[begin].call;
    Pass own;
    absl::Status result = call->status.ok() ? call->control.Check() : call->status;
    size_t end = begin;
    try {
      for (; end < pass.sequences.size() && pass.sequences[end].call == call; ++end) {
        own.Add(call, pass.sequences[end].index);
      }
    } catch (const std::bad_alloc&) {
      result = NoMemory();
      while (end < pass.sequences.size() && pass.sequences[end].call == call) ++end;
    }
    if (own.sequences.size() == pass.sequences.size()) {
      return Settle(lane, pass, status);  // it was alone
    }
    if (result.ok()) {
      ++stats_.passes;
      mutex_.Unlock();
      result = ForwardPass(own);
      mutex_.Lock();
    }
    call->running -= end - begin;
    if (!result.ok()) Drop(lane, call, result);
    begin = end;
  }
}

void BatchScheduler::Drop(Lane* lane, Call* call, const absl::Status& status) {
  for (; call->waits(); ++call->taken) {
    lane->waiting_tokens -= call->Length(call->order[call->taken]);
    ++stats_.dropped;
  }
  std::erase(lane->waiting, call);
  if (call->status.ok()) call->status = status;
}

void BatchScheduler::RunPass(Lane* lane) {
  Pass pass;
  TryForm(lane, &pass);
  if (pass.sequences.empty()) return;
  ++stats_.passes;
  stats_.sequences += pass.sequences.size();
  stats_.tokens += pass.tokens.ids.size();
  ++lane->running;
  mutex_.Unlock();
  const absl::Status status = ForwardPass(pass);
  mutex_.Lock();
  if (status.ok()) {
    Settle(lane, pass, status);
  } else {
    RunApart(lane, pass, status);
  }
  --lane->running;
}

absl::Status BatchScheduler::ForwardPass(const Pass& pass) {
  const auto give = [&](size_t layer, const float* rows) {
    for (size_t i = 0; i < pass.sequences.size(); ++i) {
      const auto& [call, index] = pass.sequences[i];
      call->sink(index, layer, rows + pass.tokens.offsets[i] * width_);
    }
  };
  return forward_({pass.tokens.ids, pass.tokens.offsets}, give);
}

void BatchScheduler::Work() {
  const absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || CanStart(lanes_[0]) || CanStart(lanes_[1]);
  };
  while (true) {
    mutex_.Await(absl::Condition(&ready));
    if (stopping_) return;
    RunPass(CanStart(lanes_[0]) ? &lanes_[0] : &lanes_[1]);
  }
}

}  // namespace vecnest::embedder
