#include "embedder/linear.h"

#include <dnnl.h>
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <dnnl.hpp>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
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

// One matrix product of fixed numbers of rows and columns.
struct Kernel {
  dnnl::memory::desc source;
  dnnl::memory::desc destination;
  dnnl::memory::desc scratch;
  dnnl::matmul primitive;
};

struct Operands {
  const void* source;
  const dnnl::memory& weights;
  const dnnl::memory& bias;  // may be empty
  void* destination;
};

// What one thread needs to run kernels.
class KernelRunner {
 public:
  void Run(const Kernel& kernel, const Operands& operands) {
    scratch_.resize(std::max(scratch_.size(), kernel.scratch.get_size()));
    Arguments& arguments = ArgumentsOf(kernel);
    // The library takes pointers to mutable data throughout; it only reads the source.
    arguments.source.set_data_handle(const_cast<void*>(operands.source));
    arguments.destination.set_data_handle(operands.destination);
    arguments.scratch.set_data_handle(scratch_.data());
    const std::array<dnnl_exec_arg_t, 5> list = {
        {{DNNL_ARG_SRC, arguments.source.get()},
         {DNNL_ARG_WEIGHTS, operands.weights.get()},
         {DNNL_ARG_DST, arguments.destination.get()},
         {DNNL_ARG_SCRATCHPAD, arguments.scratch.get()},
         {DNNL_ARG_BIAS, operands.bias ? operands.bias.get() : nullptr}}};
    const size_t count = list.size() - (operands.bias ? 0 : 1);
    dnnl::error::wrap_c_api(dnnl_primitive_execute(kernel.primitive.get(), stream_.get(),
                                                   static_cast<int>(count), list.data()),
                            "a matrix product");
    stream_.wait();
  }

  // At least `count` floats, for a part of a result.
  float* Block(size_t count) {
    if (block_.size() < count) block_.resize(count);
    return block_.data();
  }

 private:
  // The library's handles of a kernel's arguments. Making them costs as much as a small product.
  struct Arguments {
    dnnl::memory source;
    dnnl::memory destination;
    dnnl::memory scratch;
  };

  Arguments& ArgumentsOf(const Kernel& kernel) {
    auto [found, is_new] = arguments_.try_emplace(&kernel);
    Arguments& result = found->second;
    if (is_new) {
      result.source = dnnl::memory(kernel.source, CpuEngine(), DNNL_MEMORY_NONE);
      result.destination = dnnl::memory(kernel.destination, CpuEngine(), DNNL_MEMORY_NONE);
      result.scratch = dnnl::memory(kernel.scratch, CpuEngine(), DNNL_MEMORY_NONE);
    }
    return result;
  }

  dnnl::stream stream_{CpuEngine()};
  std::unordered_map<const Kernel*, Arguments> arguments_;
  std::vector<uint8_t> scratch_;
  std::vector<float> block_;
};

// How many blocks of columns a layer is cut into, at most `most`.
size_t PiecesOf(size_t inputs, size_t outputs, size_t most) {
  // The library packs weights in blocks of this many columns.
  constexpr size_t kColumns = 64;
  if (inputs % kColumns != 0) return 1;  // padded: a block is not a part of the whole
  size_t pieces = most;
  while (pieces > 1 && outputs % (pieces * kColumns) != 0) --pieces;
  return pieces;
}

}  // namespace

struct LinearContext::State {
  Team* team = nullptr;
  std::vector<KernelRunner> runners{1};  // by the team's members
  std::vector<uint16_t> source_bf16;
  std::vector<uint8_t> source_int8;
  std::array<kernels::RowScale, Linear::kBlockRows> scales;
};

LinearContext::LinearContext() : state_(std::make_unique<State>()) {}
LinearContext::~LinearContext() = default;
LinearContext::LinearContext(LinearContext&&) noexcept = default;
LinearContext& LinearContext::operator=(LinearContext&&) noexcept = default;

void LinearContext::SetTeam(Team* team) {
  state_->team = team;
  const size_t members = team == nullptr ? 1 : team->members();
  if (state_->runners.size() < members) state_->runners.resize(members);
}

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
      bias = BiasAt(0, outputs);
      Pack(const_cast<float*>(p.weights.data()), DataType::f32);
    }
  }

  // The product of this many rows, 1 to kBlockRows. Made when first used: few numbers of rows are
  // common. All share the packed weights.
  const Kernel& KernelOf(size_t rows) const {
    Slot& slot = slots[rows - 1];
    std::call_once(slot.once, [&] { slot.kernel = MakeKernel(rows, outputs, weights); });
    return *slot.kernel;
  }

  // The same of one block of columns, for a team of so many. Null where blocks would not have the
  // bits of the whole.
  const Kernel* PieceKernelOf(size_t rows, size_t members) const {
    std::call_once(cut_once, [&] { Cut(PiecesOf(inputs, outputs, members)); });
    if (weight_pieces.empty()) return nullptr;
    Slot& slot = piece_slots[rows - 1];
    std::call_once(slot.once, [&] {
      slot.kernel = MakeKernel(rows, outputs / weight_pieces.size(), weight_pieces[0]);
      if (!PiecesGiveTheSameBits(*slot.kernel, rows)) slot.kernel.reset();
    });
    return slot.kernel ? &*slot.kernel : nullptr;
  }

  Kernel MakeKernel(size_t rows, size_t columns, const dnnl::memory& packed) const {
    const auto description = Describe(rows, columns, packed.get_desc());
    return {Matrix(rows, inputs, types.source, Tag::ab),
            Matrix(rows, columns, types.destination, Tag::ab), description.scratchpad_desc(),
            dnnl::matmul(description)};
  }

  // Views of the packed weights, where these are nothing but the packed blocks of columns one after
  // the other. That they are so is not promised: PiecesGiveTheSameBits would find out.
  void Cut(size_t pieces) const {
    if (pieces == 1) return;
    const size_t columns = outputs / pieces;
    const auto piece =
        Describe(kBlockRows, columns, Matrix(inputs, columns, types.weights, Tag::any))
            .weights_desc();
    if (piece.get_size() * pieces != weights.get_desc().get_size()) return;
    auto* const bytes = static_cast<uint8_t*>(weights.get_data_handle());
    for (size_t i = 0; i < pieces; ++i) {
      weight_pieces.emplace_back(piece, CpuEngine(), bytes + i * piece.get_size());
      bias_pieces.push_back(bias ? BiasAt(i * columns, columns) : dnnl::memory());
    }
  }

  // The library chooses how it sums by a product's shape. Two ways would differ in the last bits of
  // many of these sums.
  bool PiecesGiveTheSameBits(const Kernel& piece_kernel, size_t rows) const {
    std::minstd_rand random;
    std::uniform_real_distribution<float> values(-1, 1);
    std::vector<float> x(rows * inputs);
    for (float& value : x) value = values(random);
    std::vector<float> whole(rows * outputs);
    std::vector<float> joined(rows * outputs);
    LinearContext::State work;
    const void* source = Convert(x.data(), rows, &work);
    RunWhole(source, rows, whole.data(), &work);
    for (size_t i = 0; i < weight_pieces.size(); ++i) {
      RunPiece(piece_kernel, i, source, rows, joined.data(), work, &work.runners[0]);
    }
    return std::memcmp(whole.data(), joined.data(), whole.size() * sizeof(float)) == 0;
  }

  dnnl::memory BiasAt(size_t first, size_t columns) const {
    return {Matrix(1, columns, DataType::f32, Tag::ab), CpuEngine(),
            const_cast<float*>(bias_values.data()) + first};
  }

  void Pack(void* plain_weights, DataType type) {
    // The largest block chooses the packing.
    const auto largest =
        Describe(kBlockRows, outputs, Matrix(inputs, outputs, types.weights, Tag::any));
    weights = dnnl::memory(largest.weights_desc(), CpuEngine());
    dnnl::memory plain(Matrix(inputs, outputs, type, Tag::ba), CpuEngine(), plain_weights);
    dnnl::stream stream(CpuEngine());
    dnnl::reorder(plain, weights).execute(stream, plain, weights);
    stream.wait();
  }

  dnnl::matmul::primitive_desc Describe(size_t rows, size_t columns,
                                        const dnnl::memory::desc& packed) const {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto source = Matrix(rows, inputs, types.source, Tag::ab);
    const auto destination = Matrix(rows, columns, types.destination, Tag::ab);
    if (precision == Precision::kInt8) {
      return {{source, packed, destination}, attributes, CpuEngine()};
    }
    if (activation == Activation::kGelu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0F, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
      attributes.set_post_ops(after);
    }
    const auto row = Matrix(1, columns, DataType::f32, Tag::ab);
    return {{source, packed, row, destination}, attributes, CpuEngine()};
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
    const void* source = Convert(x, rows, work);
    const Kernel* piece = nullptr;
    if (work->team != nullptr && work->team->IsFree()) {
      piece = PieceKernelOf(rows, work->team->members());
    }
    if (piece != nullptr) {
      RunPieces(*piece, source, rows, y, work);
    } else {
      RunWhole(source, rows, y, work);
    }
  }

  void RunWhole(const void* source, size_t rows, float* y, LinearContext::State* work) const {
    work->runners[0].Run(KernelOf(rows), {source, weights, bias, y});
    Dequantize(*work, rows, 0, outputs, y);
  }

  void RunPieces(const Kernel& kernel, const void* source, size_t rows, float* y,
                 LinearContext::State* work) const {
    std::array<std::exception_ptr, Team::kMostMembers> errors;
    work->team->Run(weight_pieces.size(), [&](size_t piece, size_t member) {
      const SingleThreadGuard one_thread;
      try {
        RunPiece(kernel, piece, source, rows, y, *work, &work->runners[member]);
      } catch (...) {
        errors[piece] = std::current_exception();
      }
    });
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

  void RunPiece(const Kernel& kernel, size_t piece, const void* source, size_t rows, float* y,
                const LinearContext::State& work, KernelRunner* runner) const {
    const size_t columns = outputs / weight_pieces.size();
    const size_t first = piece * columns;
    // The library's fast kernels write dense matrices only.
    float* block = runner->Block(rows * columns);
    runner->Run(kernel, {source, weight_pieces[piece], bias_pieces[piece], block});
    Dequantize(work, rows, first, columns, block);
    for (size_t r = 0; r < rows; ++r) {
      std::copy_n(block + r * columns, columns, y + r * outputs + first);
    }
  }

  // Of 8 bits: makes numbers of the sums of some columns, in place.
  void Dequantize(const LinearContext::State& work, size_t rows, size_t first, size_t columns,
                  float* y) const {
    if (precision != Precision::kInt8) return;
    const kernels::Dequantizer dequantizer = {
        weight_scales.data() + first, weight_sums.data() + first, bias_values.data() + first,
        activation == Activation::kGelu};
    kernels::DequantizeRows(dequantizer, work.scales.data(), rows, columns, y);
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
    std::optional<Kernel> kernel;
  };
  mutable std::array<Slot, kBlockRows> slots;  // by rows, from 1
  // Of a team: views of weights and bias by block of columns; none where they are not cut.
  mutable std::once_flag cut_once;
  mutable std::vector<dnnl::memory> weight_pieces;
  mutable std::vector<dnnl::memory> bias_pieces;
  mutable std::array<Slot, kBlockRows> piece_slots;
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
  } catch (const dnnl::error& error) {
    return FromLibrary(error);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::embedder
