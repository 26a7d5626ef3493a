#include "embedder/adaptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "embedder/identity.h"
#include "embedder/json.h"
#include "embedder/safetensors.h"
#include "embedder/status_macros.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

// Version 2 has a model.
constexpr std::string_view kFormatVersion = "2";
constexpr std::string_view kFormatVersionWithoutModel = "1";
constexpr std::string_view kSource = "adaptor";  // what errors of Decode are about
constexpr size_t kLengthBytes = 8;               // of the header's length
constexpr size_t kMostMethodBytes = 32;
constexpr size_t kMostIdentityBytes = 64;
// Training gives scales of 1 to 2. Others would have products of prefixes overflow, or vanish.
constexpr float kLeastScale = 1e-3F;
constexpr float kLargestScale = 1e3F;

absl::Status CheckSizes(const AdaptorParameters& parameters) {
  const size_t dimensions = parameters.dimensions;
  if (dimensions == 0 || dimensions > Adaptor::kMostDimensions) {
    return absl::InvalidArgumentError(
        fmt::format("an adaptor of {} dimensions: it takes 1 to {}, as its matrix grows with their "
                    "square",
                    dimensions, Adaptor::kMostDimensions));
  }
  if (parameters.rotation.size() != dimensions * dimensions ||
      parameters.scales.size() != dimensions) {
    return absl::InvalidArgumentError(fmt::format(
        "an adaptor of {} dimensions cannot have a rotation of {} numbers and {} scales",
        dimensions, parameters.rotation.size(), parameters.scales.size()));
  }
  return absl::OkStatus();
}

absl::Status CheckValues(const AdaptorParameters& parameters) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(parameters.rotation.begin(), parameters.rotation.end(), is_finite)) {
    return absl::InvalidArgumentError("an adaptor's rotation holds a number that is not finite");
  }
  for (const float scale : parameters.scales) {
    if (!(scale >= kLeastScale && scale <= kLargestScale)) {
      return absl::InvalidArgumentError(fmt::format("an adaptor's scale is {}; it must be {} to {}",
                                                    scale, kLeastScale, kLargestScale));
    }
  }
  const std::string& method = parameters.method;
  const auto is_letter = [](char c) { return 'a' <= c && c <= 'z'; };
  if (method.empty() || method.size() > kMostMethodBytes ||
      !std::all_of(method.begin(), method.end(), is_letter)) {
    return absl::InvalidArgumentError(
        fmt::format("an adaptor's method must be 1 to {} lower-case letters", kMostMethodBytes));
  }
  const std::string& identity = parameters.model_identity;
  const auto is_hexadecimal = [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
  };
  if (!Adaptor::IsModelName(parameters.model) || identity.size() > kMostIdentityBytes ||
      !std::all_of(identity.begin(), identity.end(), is_hexadecimal)) {
    return absl::InvalidArgumentError(
        fmt::format("an adaptor's model must have a name of at most {} bytes of UTF-8 and an "
                    "identity of at most {} hexadecimal digits",
                    Adaptor::kMostModelBytes, kMostIdentityBytes));
  }
  return absl::OkStatus();
}

std::string_view Bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string_view VersionOf(const AdaptorParameters& parameters) {
  return parameters.model_identity.empty() ? kFormatVersionWithoutModel : kFormatVersion;
}

std::string ModelMetadata(const AdaptorParameters& parameters) {
  if (parameters.model_identity.empty()) return "";
  return fmt::format(R"("model":{},"model_identity":{},)", JsonString(parameters.model),
                     JsonString(parameters.model_identity));
}

std::string Checksum(const AdaptorParameters& parameters) {
  return ContentIdentity(fmt::format("{} {} {} {}{}{}", VersionOf(parameters), parameters.method,
                                     parameters.samples, Bytes(parameters.rotation),
                                     Bytes(parameters.scales), ModelMetadata(parameters)));
}

std::string EncodeParameters(const AdaptorParameters& parameters) {
  const size_t dimensions = parameters.dimensions;
  const size_t rotation_bytes = parameters.rotation.size() * sizeof(float);
  const size_t scales_bytes = parameters.scales.size() * sizeof(float);
  std::string header = fmt::format(
      R"({{"__metadata__":{{"vecnest_adaptor":"{}","method":"{}","samples":"{}",{}"checksum":"{}"}},)"
      R"("rotation":{{"dtype":"F32","shape":[{},{}],"data_offsets":[0,{}]}},)"
      R"("scales":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}}}})",
      VersionOf(parameters), parameters.method, parameters.samples, ModelMetadata(parameters),
      Checksum(parameters), dimensions, dimensions, rotation_bytes, dimensions, rotation_bytes,
      rotation_bytes + scales_bytes);
  // Readers that map the file want aligned numbers.
  header.resize((header.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), kLengthBytes);
  bytes.reserve(kLengthBytes + header.size() + rotation_bytes + scales_bytes);
  bytes += header;
  bytes += Bytes(parameters.rotation);
  bytes += Bytes(parameters.scales);
  return bytes;
}

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", kSource, what));
}

using Entries = std::map<std::string, SafeTensors::Entry, std::less<>>;

absl::StatusOr<std::vector<float>> ReadFloats(const Entries& entries, std::string_view name,
                                              const std::vector<int64_t>& shape,
                                              std::string_view data) {
  const auto found = entries.find(name);
  if (found == entries.end()) return Damaged(fmt::format("no tensor \"{}\"", name));
  const SafeTensors::Entry& entry = found->second;
  if (entry.dtype != "F32" || entry.shape != shape) {
    return Damaged(
        fmt::format("tensor \"{}\" is not of F32 or does not have the shape that the "
                    "scales ask for",
                    name));
  }
  std::vector<float> values((entry.end - entry.begin) / sizeof(float));
  std::memcpy(values.data(), data.data() + entry.begin, entry.end - entry.begin);
  return values;
}

absl::StatusOr<uint64_t> ReadSamples(const Json& metadata) {
  VECNEST_ASSIGN_OR_RETURN(const std::string text, metadata.GetString("samples"));
  uint64_t samples = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), samples);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Damaged("\"samples\" is no number");
  }
  return samples;
}

}  // namespace

Adaptor::Adaptor(AdaptorParameters parameters, Linear linear)
    : parameters_(std::move(parameters)),
      linear_(std::move(linear)),
      identity_(ContentIdentity(Encode())) {}

bool Adaptor::IsModelName(std::string_view name) {
  return name.size() <= kMostModelBytes && !FindInvalidUtf8(name);
}

absl::StatusOr<std::shared_ptr<const Adaptor>> Adaptor::Create(AdaptorParameters parameters) {
  VECNEST_RETURN_IF_ERROR(CheckSizes(parameters));
  VECNEST_RETURN_IF_ERROR(CheckValues(parameters));
  const std::vector<float> no_bias(parameters.dimensions);
  VECNEST_ASSIGN_OR_RETURN(
      Linear linear,
      Linear::Create({parameters.dimensions, parameters.dimensions, parameters.rotation, no_bias}));
  std::shared_ptr<const Adaptor> adaptor(new Adaptor(std::move(parameters), std::move(linear)));
  VECNEST_RETURN_IF_ERROR(adaptor->CheckOrthogonal());
  return adaptor;
}

absl::Status Adaptor::CheckOrthogonal() const {
  // Its rows, rotated by itself, are their products with each other.
  std::vector<float> products(parameters_.rotation.size());
  VECNEST_RETURN_IF_ERROR(Rotate(parameters_.rotation, absl::MakeSpan(products)));
  for (size_t i = 0; i < products.size(); ++i) {
    const float expected = i % (dimensions() + 1) == 0 ? 1.0F : 0.0F;
    if (!(std::fabs(products[i] - expected) <= kOrthogonalWithin)) {
      return absl::InvalidArgumentError(fmt::format(
          "an adaptor's rotation is not orthogonal: the product of its rows {} and {} is {}",
          i / dimensions(), i % dimensions(), products[i]));
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<Adaptor::Work> Adaptor::TakeWork() const {
  {
    const absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Work> work = std::move(idle_.back());
      idle_.pop_back();
      return work;
    }
  }
  return std::make_unique<Work>();
}

absl::Status Adaptor::Rotate(absl::Span<const float> rows, absl::Span<float> rotated) const {
  if (rows.size() % dimensions() != 0 || rotated.size() != rows.size()) {
    return absl::InvalidArgumentError(
        fmt::format("rows of {} numbers cannot come from {} and go to {}", dimensions(),
                    rows.size(), rotated.size()));
  }
  std::unique_ptr<Work> work = TakeWork();
  const absl::Status status = RotateWith(work.get(), rows, rotated.data());
  const absl::MutexLock lock(&mutex_);
  idle_.push_back(std::move(work));
  return status;
}

absl::Status Adaptor::RotateWith(Work* work, absl::Span<const float> rows, float* rotated) const {
  const SingleThreadGuard one_thread;
  // The layer writes whole groups of rows. The last ones, where they are fewer, go by way of a
  // buffer that has room for a group.
  const size_t group = Linear::PaddedRows(1);
  const size_t count = rows.size() / dimensions();
  const size_t whole = count - count % group;
  VECNEST_RETURN_IF_ERROR(linear_.Run(rows.data(), whole, rotated, &work->context));
  if (whole == count) return absl::OkStatus();
  const size_t done = whole * dimensions();
  work->rows.resize(group * dimensions());
  work->rotated.resize(group * dimensions());
  std::copy(rows.begin() + done, rows.end(), work->rows.begin());
  VECNEST_RETURN_IF_ERROR(
      linear_.Run(work->rows.data(), count - whole, work->rotated.data(), &work->context));
  std::copy_n(work->rotated.begin(), rows.size() - done, rotated + done);
  return absl::OkStatus();
}

std::string Adaptor::Encode() const { return EncodeParameters(parameters_); }

absl::StatusOr<std::shared_ptr<const Adaptor>> Adaptor::Decode(std::string_view bytes) {
  // Its length comes first. What is longer is refused before it is read as JSON, which would take
  // many times its size.
  uint64_t header_bytes = 0;
  if (bytes.size() >= kLengthBytes) std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMostHeaderBytes) {
    return Damaged(fmt::format("a header of {} bytes, an adaptor's has at most {}", header_bytes,
                               kMostHeaderBytes));
  }
  size_t data_begin = 0;
  VECNEST_ASSIGN_OR_RETURN(
      const Entries entries,
      SafeTensors::ParseHeader({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()},
                               std::string(kSource), &data_begin));
  VECNEST_ASSIGN_OR_RETURN(
      const Json header,
      Json::Parse(bytes.substr(kLengthBytes, data_begin - kLengthBytes), std::string(kSource)));
  VECNEST_ASSIGN_OR_RETURN(const Json metadata, header.Get("__metadata__"));
  VECNEST_ASSIGN_OR_RETURN(const std::string version, metadata.GetString("vecnest_adaptor"));
  if (version != kFormatVersion && version != kFormatVersionWithoutModel) {
    return Damaged(fmt::format("format version \"{}\" is neither \"{}\" nor \"{}\"", version,
                               kFormatVersionWithoutModel, kFormatVersion));
  }
  AdaptorParameters parameters;
  VECNEST_ASSIGN_OR_RETURN(parameters.method, metadata.GetString("method"));
  VECNEST_ASSIGN_OR_RETURN(parameters.samples, ReadSamples(metadata));
  VECNEST_ASSIGN_OR_RETURN(parameters.model, metadata.GetString("model", ""));
  VECNEST_ASSIGN_OR_RETURN(parameters.model_identity, metadata.GetString("model_identity", ""));
  const auto scales = entries.find("scales");
  if (entries.size() != 2 || scales == entries.end() || scales->second.shape.size() != 1) {
    return Damaged("the tensors are not a rotation and a row of scales");
  }
  const std::vector<int64_t>& shape = scales->second.shape;
  parameters.dimensions = static_cast<size_t>(shape[0]);
  const std::string_view data = bytes.substr(data_begin);
  VECNEST_ASSIGN_OR_RETURN(parameters.rotation,
                           ReadFloats(entries, "rotation", {shape[0], shape[0]}, data));
  VECNEST_ASSIGN_OR_RETURN(parameters.scales, ReadFloats(entries, "scales", shape, data));
  // One content has one form, so that this finds any change, in the numbers by the checksum.
  if (EncodeParameters(parameters) != bytes) {
    return absl::DataLossError(
        fmt::format("{}: its checksum or form is not that of its content", kSource));
  }
  return Create(std::move(parameters));
}

}  // namespace vecnest::embedder
