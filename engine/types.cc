#include "vecnest/types.h"

#include <charconv>

#include "engine/enum_names.h"
#include "fmt/format.h"
#include "vecnest/adapt.h"
#include "vecnest/collection.h"
#include "vecnest/geometry.h"
#include "vecnest/mining.h"

namespace vecnest {
namespace {

constexpr std::array<std::string_view, 4> kMetricNames = {"Cosine", "Dot", "Euclid", "Manhattan"};

constexpr std::array<std::string_view, 8> kPayloadIndexTypeNames = {
    "keyword", "integer", "float", "bool", "datetime", "text", "uuid", "geo"};

constexpr std::array<std::string_view, 3> kVectorDatatypeNames = {"float32", "float16", "bfloat16"};

constexpr std::array<std::string_view, 4> kQuantizationNames = {"auto", "int8", "int4", "binary"};

constexpr std::array<std::string_view, 5> kAdaptMethodNames = {"prefixes", "rotation", "pairs",
                                                               "none", "given"};

constexpr std::array<std::string_view, 3> kMiningMethodNames = {"both", "bm25", "model"};

constexpr std::array<std::string_view, 8> kAdaptPhaseNames = {
    "none", "waiting", "encoding", "training", "indexing", "done", "failed", "cancelled"};

constexpr std::array<std::string_view, 4> kVerdictLevelNames = {"ok", "warn", "fail", "skip"};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Dashes must stand where 8-4-4-4-12 has them, or nowhere.
std::optional<PointId> ParseUuid(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (text.starts_with(kUrn)) text.remove_prefix(kUrn.size());
  const bool dashed = text.size() == 36;
  if (!dashed && text.size() != 32) return std::nullopt;
  uint64_t halves[2] = {0, 0};
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (dashed && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    uint64_t& half = halves[digits++ / 16];
    half = half << 4 | static_cast<uint64_t>(digit);
  }
  return PointId::Uuid(halves[0], halves[1]);
}

}  // namespace

std::string_view MetricName(Metric metric) { return kMetricNames[static_cast<size_t>(metric)]; }

absl::StatusOr<Metric> ParseMetric(std::string_view name) {
  for (size_t i = 0; i < kMetricNames.size(); ++i) {
    if (name == kMetricNames[i]) return static_cast<Metric>(i);
  }
  return absl::InvalidArgumentError(
      fmt::format("unknown metric '{}', expected Cosine, Dot, Euclid or Manhattan", name));
}

std::string_view PayloadIndexTypeName(PayloadIndexType type) {
  return kPayloadIndexTypeNames[static_cast<size_t>(type)];
}

absl::StatusOr<PayloadIndexType> ParsePayloadIndexType(std::string_view name) {
  return ParseName<PayloadIndexType>(kPayloadIndexTypeNames, "payload index type", name);
}

std::string_view VectorDatatypeName(VectorDatatype datatype) {
  return kVectorDatatypeNames[static_cast<size_t>(datatype)];
}

absl::StatusOr<VectorDatatype> ParseVectorDatatype(std::string_view name) {
  return ParseName<VectorDatatype>(kVectorDatatypeNames, "datatype", name);
}

std::string_view QuantizationName(Quantization quantization) {
  return kQuantizationNames[static_cast<size_t>(quantization)];
}

absl::StatusOr<Quantization> ParseQuantization(std::string_view name) {
  return ParseName<Quantization>(kQuantizationNames, "quantization", name);
}

std::string_view AdaptMethodName(AdaptMethod method) {
  return kAdaptMethodNames[static_cast<size_t>(method)];
}

absl::StatusOr<AdaptMethod> ParseAdaptMethod(std::string_view name) {
  return ParseName<AdaptMethod>(kAdaptMethodNames, "method", name);
}

std::string_view VerdictLevelName(VerdictLevel level) {
  return kVerdictLevelNames[static_cast<size_t>(level)];
}

std::string_view MiningMethodName(MiningMethod method) {
  return kMiningMethodNames[static_cast<size_t>(method)];
}

absl::StatusOr<MiningMethod> ParseMiningMethod(std::string_view name) {
  return ParseName<MiningMethod>(kMiningMethodNames, "method", name);
}

std::string_view AdaptPhaseName(AdaptPhase phase) {
  return kAdaptPhaseNames[static_cast<size_t>(phase)];
}

absl::Status CallLimits::Check() const {
  if (stop.stop_requested()) return absl::CancelledError("the call was cancelled");
  if (std::chrono::steady_clock::now() >= deadline) {
    return absl::DeadlineExceededError("the time given to the call is over");
  }
  return absl::OkStatus();
}

PointId PointId::Uuid(uint64_t high, uint64_t low) {
  PointId id;
  id.is_uuid_ = true;
  id.high_ = high;
  id.low_ = low;
  return id;
}

absl::StatusOr<PointId> PointId::Parse(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return PointId(number);
  if (auto uuid = ParseUuid(text)) return *uuid;
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a point id: expected an unsigned 64-bit integer or a UUID", text));
}

std::string PointId::ToString() const {
  if (!is_uuid_) return fmt::format("{}", low_);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high_ >> 32, high_ >> 16 & 0xffff,
                     high_ & 0xffff, low_ >> 48, low_ & 0xffffffffffffULL);
}

}  // namespace vecnest
