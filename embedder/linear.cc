#include "embedder/linear.h"

#include <dnnl.h>
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <dnnl.hpp>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "embedder/kernels/narrow.h"

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
  return error.status == dnnl_out_of_memory ? absl::UnavailableError(message)
                                            : absl::InternalError(message);
}

dnnl::memory::desc Matrix(size_t rows, size_t columns, DataType type, Tag tag) {
  return {{static_cast<int64_t>(rows), static_cast<int64_t>(columns)}, type, tag};
}

// What the library multiplies.
struct Types {
  DataType source;
  DataType weights;
  DataType destination;
};

Types TypesOf(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return {DataType::bf16, DataType::bf16, DataType::f32};
    case Precision::kInt8:
      return {DataType::u8, DataType::s8, DataType::s32};
    case Precision::kF32:
      break;
  }
  return {DataType::f32, DataType::f32, DataType::f32};
}

// Weights in 8 bits: of each output the largest becomes 127 or -127.
struct QuantizedWeights {
  QuantizedWeights(const float* weights, size_t inputs, size_t outputs)
      : values(inputs * outputs), scales(outputs), sums(outputs) {
    for (size_t o = 0; o < outputs; ++o) {
      const float* row = weights + o * inputs;
      float largest = 0;
      for (size_t i = 0; i < inputs; ++i) largest = std::max(largest, std::fabs(row[i]));
      scales[o] = largest > 0 ? largest / 127.0F : 1.0F;
      int32_t sum = 0;
      for (size_t i = 0; i < inputs; ++i) {
        const auto value = static_cast<int8_t>(std::lround(row[i] / scales[o]));
        values[o * inputs + i] = value;
        sum += value;
      }
      sums[o] = static_cast<float>(sum);
    }
  }
  std::vector<int8_t> values;
  std::vector<float> scales;
  std::vector<float> sums;
};

// One matrix product of a fixed number of rows.
struct Kernel {
  dnnl::memory::desc source;
  dnnl::memory::desc destination;
  dnnl::memory::desc scratch;
  dnnl::matmul primitive;
};

}  // namespace

struct LinearContext::State {
  // The library's handles of a kernel's arguments. Making them costs as much as a small product.
  struct Arguments {
    dnnl::memory source;
    dnnl::memory destination;
    dnnl::memory scratch;
    std::vector<dnnl_exec_arg_t> list;
  };

  Arguments& ArgumentsOf(const Kernel& kernel, const dnnl::memory& weights,
                         const dnnl::memory& bias) {
    auto [found, is_new] = arguments.try_emplace(&kernel);
    Arguments& result = found->second;
    if (is_new) {
      result.source = dnnl::memory(kernel.source, CpuEngine(), DNNL_MEMORY_NONE);
      result.destination = dnnl::memory(kernel.destination, CpuEngine(), DNNL_MEMORY_NONE);
      result.scratch = dnnl::memory(kernel.scratch, CpuEngine(), DNNL_MEMORY_NONE);
      result.list = {{DNNL_ARG_SRC, result.source.get()},
                     {DNNL_ARG_WEIGHTS, weights.get()},
                     {DNNL_ARG_DST, result.destination.get()},
                     {DNNL_ARG_SCRATCHPAD, result.scratch.get()}};
      if (bias) result.list.push_back({DNNL_ARG_BIAS, bias.get()});
    }
    return result;
  }

  dnnl::stream stream{CpuEngine()};
  std::unordered_map<const Kernel*, Arguments> arguments;
  std::vector<uint8_t> scratch;
  std::vector<uint16_t> source_bf16;
  std::vector<uint8_t> source_int8;
  std::array<kernels::RowScale, Linear::kBlockRows> scales;
};

LinearContext::LinearContext() : state_(std::make_unique<State>()) {}
LinearContext::~LinearContext() = default;
LinearContext::LinearContext(LinearContext&&) noexcept = default;
LinearContext& LinearContext::operator=(LinearContext&&) noexcept = default;

SingleThreadGuard::SingleThreadGuard() : previous_threads_(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

SingleThreadGuard::~SingleThreadGuard() { omp_set_num_threads(previous_threads_); }

size_t Linear::PaddedRows(size_t rows) {
  // What the library uses, which may be less than the CPU has.
  static const bool wide = [] {
    constexpr auto kWide = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & kWide) == kWide;
  }();
  const size_t multiple = wide ? 1 : 12;
  return (rows + multiple - 1) / multiple * multiple;
}

struct Linear::State {
  explicit State(const Parameters& p)
      : inputs(p.inputs),
        outputs(p.outputs),
        precision(p.precision),
        activation(p.activation),
        types(TypesOf(p.precision)),
        bias_values(p.bias.begin(), p.bias.end()) {
    if (precision == Precision::kInt8) {
      QuantizedWeights quantized(p.weights.data(), inputs, outputs);
      Pack(quantized.values.data(), DataType::s8);
      weight_scales = std::move(quantized.scales);
      weight_sums = std::move(quantized.sums);
    } else {
      bias =
          dnnl::memory(Matrix(1, outputs, DataType::f32, Tag::ab), CpuEngine(), bias_values.data());
      Pack(const_cast<float*>(p.weights.data()), DataType::f32);
    }
  }

  // The product of this many rows, 1 to kBlockRows. Made when first used: few numbers of rows are
  // common. All share the packed weights.
  const Kernel& KernelOf(size_t rows) const {
    Slot& slot = slots[rows - 1];
    std::call_once(slot.once, [&] {
      const auto description = Describe(rows, weights.get_desc());
      slot.kernel = {Matrix(rows, inputs, types.source, Tag::ab),
                     Matrix(rows, outputs, types.destination, Tag::ab),
                     description.scratchpad_desc(), dnnl::matmul(description)};
    });
    return slot.kernel;
  }

  void Pack(void* plain_weights, DataType type) {
    // The largest block chooses the packing.
    const auto largest = Describe(kBlockRows, Matrix(inputs, outputs, types.weights, Tag::any));
    weights = dnnl::memory(largest.weights_desc(), CpuEngine());
    dnnl::memory plain(Matrix(inputs, outputs, type, Tag::ba), CpuEngine(), plain_weights);
    dnnl::stream stream(CpuEngine());
    dnnl::reorder(plain, weights).execute(stream, plain, weights);
    stream.wait();
  }

  dnnl::matmul::primitive_desc Describe(size_t rows, const dnnl::memory::desc& packed) const {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto source = Matrix(rows, inputs, types.source, Tag::ab);
    const auto destination = Matrix(rows, outputs, types.destination, Tag::ab);
    if (precision == Precision::kInt8) {
      return {{source, packed, destination}, attributes, CpuEngine()};
    }
    if (activation == Activation::kGelu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
      attributes.set_post_ops(after);
    }
    return {{source, packed, bias.get_desc(), destination}, attributes, CpuEngine()};
  }

  // The block's rows in the form that the library reads.
  const void* Convert(const float* x, size_t rows, LinearContext::State* work) const {
    const size_t count = rows * inputs;
    switch (precision) {
      case Precision::kBf16:
        work->source_bf16.resize(std::max(work->source_bf16.size(), count));
        kernels::ToBfloat16(x, count, work->source_bf16.data());
        return work->source_bf16.data();
      case Precision::kInt8:
        work->source_int8.resize(std::max(work->source_int8.size(), count));
        kernels::QuantizeRows(x, rows, inputs, work->source_int8.data(), work->scales.data());
        return work->source_int8.data();
      case Precision::kF32:
        break;
    }
    return x;
  }

  void RunBlock(const float* x, size_t rows, float* y, LinearContext::State* work) const {
    const Kernel& kernel = KernelOf(rows);
    work->scratch.resize(std::max(work->scratch.size(), kernel.scratch.get_size()));
    LinearContext::State::Arguments& arguments = work->ArgumentsOf(kernel, weights, bias);
    // The library takes pointers to mutable data throughout; it only reads the source.
    arguments.source.set_data_handle(const_cast<void*>(Convert(x, rows, work)));
    arguments.destination.set_data_handle(y);
    arguments.scratch.set_data_handle(work->scratch.data());
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(kernel.primitive.get(), work->stream.get(),
                               static_cast<int>(arguments.list.size()), arguments.list.data()),
        "a matrix product");
    if (precision != Precision::kInt8) return;
    const kernels::Dequantizer dequantizer = {weight_scales.data(), weight_sums.data(),
                                              bias_values.data(), activation == Activation::kGelu};
    kernels::DequantizeRows(dequantizer, work->scales.data(), rows, outputs, y);
  }

  size_t inputs;
  size_t outputs;
  Precision precision;
  Activation activation;
  Types types;
  std::vector<float> bias_values;
  std::vector<float> weight_scales;  // of 8 bits only, as is weight_sums
  std::vector<float> weight_sums;
  dnnl::memory bias;  // views bias_values; empty for 8 bits
  dnnl::memory weights;
  struct Slot {
    std::once_flag once;
    Kernel kernel;
  };
  mutable std::array<Slot, kBlockRows> slots;  // by rows, from 1
};

Linear::Linear(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;
Linear::~Linear() = default;

size_t Linear::bytes() const {
  const State& state = *state_;
  const size_t floats =
      state.bias_values.size() + state.weight_scales.size() + state.weight_sums.size();
  return state.weights.get_desc().get_size() + floats * sizeof(float);
}
size_t Linear::inputs() const { return state_->inputs; }
size_t Linear::outputs() const { return state_->outputs; }

absl::StatusOr<Linear> Linear::Create(const Parameters& p) {
  if (p.inputs == 0 || p.outputs == 0 || p.weights.size() / p.inputs != p.outputs ||
      p.weights.size() % p.inputs != 0 || p.bias.size() != p.outputs) {
    return absl::InvalidArgumentError(
        fmt::format("a layer from {} to {} values cannot have {} weights and {} biases", p.inputs,
                    p.outputs, p.weights.size(), p.bias.size()));
  }
  if (!IsSupported(p.precision)) {
    return absl::UnimplementedError(
        fmt::format("this CPU cannot multiply in {}", PrecisionName(p.precision)));
  }
  const SingleThreadGuard one_thread;
  try {
    return Linear(std::make_unique<const State>(p));
  } catch (const dnnl::error& error) {
    return FromLibrary(error);
  }
}

absl::Status Linear::Run(const float* x, size_t rows, float* y, LinearContext* context) const {
  LinearContext::State& work = *context->state_;
  try {
    for (size_t done = 0; done < rows; done += kBlockRows) {
      const size_t padded = PaddedRows(std::min(kBlockRows, rows - done));
      state_->RunBlock(x + done * state_->inputs, padded, y + done * state_->outputs, &work);
    }
    work.stream.wait();
  } catch (const dnnl::error& error) {
    return FromLibrary(error);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::embedder
