#include "embedder/linear.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vecnest::embedder {
namespace {

using DataType = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

dnnl::engine& CpuEngine() {
  static auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

absl::Status FromLibrary(const dnnl::error& error) {
  const std::string message = fmt::format("oneDNN: {}", error.what());
  return error.status == dnnl_out_of_memory ? absl::ResourceExhaustedError(message)
                                            : absl::InternalError(message);
}

dnnl::memory::desc Matrix(size_t rows, size_t columns, Tag tag) {
  return {{static_cast<int64_t>(rows), static_cast<int64_t>(columns)}, DataType::f32, tag};
}

}  // namespace

struct LinearContext::State {
  dnnl::stream stream{CpuEngine()};
  std::vector<uint8_t> scratch;
};

LinearContext::LinearContext() : state_(std::make_unique<State>()) {}
LinearContext::~LinearContext() = default;
LinearContext::LinearContext(LinearContext&&) noexcept = default;
LinearContext& LinearContext::operator=(LinearContext&&) noexcept = default;

SingleThreadGuard::SingleThreadGuard() : previous_threads_(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

SingleThreadGuard::~SingleThreadGuard() { omp_set_num_threads(previous_threads_); }

struct Linear::State {
  static constexpr size_t kKernels = kBlockRows / kRowMultiple;

  // One primitive for every number of rows a block can have; they share the packed weights.
  struct Kernel {
    dnnl::memory::desc source;
    dnnl::memory::desc destination;
    dnnl::memory::desc scratch;
    dnnl::matmul primitive;
  };

  State(size_t input_count, size_t output_count, absl::Span<const float> weight_values,
        absl::Span<const float> bias_values)
      : inputs(input_count), outputs(output_count), bias(Matrix(1, outputs, Tag::ab), CpuEngine()) {
    std::copy(bias_values.begin(), bias_values.end(), static_cast<float*>(bias.get_data_handle()));
    // The largest block chooses the packing.
    const auto largest = Describe(kBlockRows, Matrix(inputs, outputs, Tag::any));
    weights = dnnl::memory(largest.weights_desc(), CpuEngine());
    dnnl::memory plain(Matrix(inputs, outputs, Tag::ba), CpuEngine(),
                       const_cast<float*>(weight_values.data()));
    dnnl::stream stream(CpuEngine());
    dnnl::reorder(plain, weights).execute(stream, plain, weights);
    stream.wait();
    for (size_t i = 0; i < kKernels; ++i) {
      const size_t rows = (i + 1) * kRowMultiple;
      const auto description = Describe(rows, weights.get_desc());
      kernels[i] = {Matrix(rows, inputs, Tag::ab), Matrix(rows, outputs, Tag::ab),
                    description.scratchpad_desc(), dnnl::matmul(description)};
    }
  }

  dnnl::matmul::primitive_desc Describe(size_t rows, const dnnl::memory::desc& packed) const {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return {
        {Matrix(rows, inputs, Tag::ab), packed, bias.get_desc(), Matrix(rows, outputs, Tag::ab)},
        attributes,
        CpuEngine()};
  }

  size_t inputs;
  size_t outputs;
  dnnl::memory bias;
  dnnl::memory weights;
  std::array<Kernel, kKernels> kernels;
};

Linear::Linear(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;
Linear::~Linear() = default;

size_t Linear::inputs() const { return state_->inputs; }
size_t Linear::outputs() const { return state_->outputs; }

absl::StatusOr<Linear> Linear::Create(size_t inputs, size_t outputs,
                                      absl::Span<const float> weights,
                                      absl::Span<const float> bias) {
  if (inputs == 0 || outputs == 0 || weights.size() / inputs != outputs ||
      weights.size() % inputs != 0 || bias.size() != outputs) {
    return absl::InvalidArgumentError(
        fmt::format("a layer from {} to {} values cannot have {} weights and {} biases", inputs,
                    outputs, weights.size(), bias.size()));
  }
  const SingleThreadGuard one_thread;
  try {
    return Linear(std::make_unique<const State>(inputs, outputs, weights, bias));
  } catch (const dnnl::error& error) {
    return FromLibrary(error);
  }
}

absl::Status Linear::Run(const float* x, size_t rows, float* y, LinearContext* context) const {
  LinearContext::State& work = *context->state_;
  try {
    for (size_t done = 0; done < rows; done += kBlockRows) {
      const size_t padded = PaddedRows(std::min(kBlockRows, rows - done));
      const State::Kernel& kernel = state_->kernels[padded / kRowMultiple - 1];
      work.scratch.resize(std::max(work.scratch.size(), kernel.scratch.get_size()));
      // The library takes pointers to mutable data throughout; it only reads source and weights.
      const std::unordered_map<int, dnnl::memory> arguments = {
          {DNNL_ARG_SRC,
           {kernel.source, CpuEngine(), const_cast<float*>(x + done * state_->inputs)}},
          {DNNL_ARG_WEIGHTS, state_->weights},
          {DNNL_ARG_BIAS, state_->bias},
          {DNNL_ARG_DST, {kernel.destination, CpuEngine(), y + done * state_->outputs}},
          {DNNL_ARG_SCRATCHPAD, {kernel.scratch, CpuEngine(), work.scratch.data()}}};
      kernel.primitive.execute(work.stream, arguments);
    }
    work.stream.wait();
  } catch (const dnnl::error& error) {
    return FromLibrary(error);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::embedder
