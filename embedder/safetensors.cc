#include "embedder/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "embedder/json.h"
#include "embedder/status_macros.h"

static_assert(std::endian::native == std::endian::little, "weights are stored little-endian");

namespace vecnest::embedder {
namespace {

using Entry = SafeTensors::Entry;
using EntryMap = std::map<std::string, Entry, std::less<>>;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit

// Bytes of one value; 0 for a dtype the format does not know.
size_t DtypeBytes(std::string_view dtype) {
  constexpr std::pair<std::string_view, size_t> kDtypes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
      {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};
  for (const auto& [name, bytes] : kDtypes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

absl::Status Damaged(const Json& tensor, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", tensor.name(), what));
}

absl::StatusOr<Entry> ParseEntry(const Json& tensor, size_t data_bytes) {
  Entry entry;
  VECNEST_ASSIGN_OR_RETURN(entry.dtype, tensor.GetString("dtype"));
  uint64_t bytes = DtypeBytes(entry.dtype);
  if (bytes == 0) return Damaged(tensor, fmt::format("unknown dtype \"{}\"", entry.dtype));
  VECNEST_ASSIGN_OR_RETURN(const Json shape, tensor.Get("shape"));
  if (!shape.IsArray()) return Damaged(shape, "expected an array");
  for (const Json& element : shape.Elements()) {
    VECNEST_ASSIGN_OR_RETURN(const int64_t extent, element.AsInt());
    if (extent < 0) return Damaged(element, fmt::format("negative extent {}", extent));
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
      return Damaged(shape, "the product of the extents overflows");
    }
    entry.shape.push_back(extent);
  }
  VECNEST_ASSIGN_OR_RETURN(const Json offsets_node, tensor.Get("data_offsets"));
  const std::vector<Json> offsets = offsets_node.Elements();
  if (offsets.size() != 2) return Damaged(offsets_node, "expected [begin, end]");
  VECNEST_ASSIGN_OR_RETURN(const int64_t begin, offsets[0].AsInt());
  VECNEST_ASSIGN_OR_RETURN(const int64_t end, offsets[1].AsInt());
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > data_bytes) {
    return Damaged(offsets_node, fmt::format("[{}, {}] does not lie within the file's {} bytes of "
                                             "data",
                                             begin, end, data_bytes));
  }
  entry.begin = static_cast<size_t>(begin);
  entry.end = static_cast<size_t>(end);
  if (entry.end - entry.begin != bytes) {
    return Damaged(tensor, fmt::format("{} {} needs {} bytes, data_offsets span {}", entry.dtype,
                                       entry.shape, bytes, entry.end - entry.begin));
  }
  return entry;
}

// The tensors must follow each other from the first byte of the data section to its last.
absl::Status CheckCoverage(const EntryMap& entries, const std::string& path, size_t data_bytes) {
  std::vector<const EntryMap::value_type*> order;
  order.reserve(entries.size());
  for (const auto& named : entries) order.push_back(&named);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  size_t covered = 0;
  for (const auto* named : order) {
    const auto& [name, entry] = *named;
    if (entry.begin != covered) {
      return absl::InvalidArgumentError(fmt::format(
          "{}: tensor \"{}\" begins at data byte {}, expected {}: {}", path, name, entry.begin,
          covered, entry.begin < covered ? "it overlaps another" : "there is a hole"));
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: the tensors cover {} bytes, the file holds {}", path, covered, data_bytes));
  }
  return absl::OkStatus();
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1F;
  const uint32_t mantissa = half & 0x3FF;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000 | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

float Bfloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

template <typename Value, typename Stored, typename Convert>
std::vector<Value> ConvertAll(absl::Span<const std::byte> bytes, Convert convert) {
  std::vector<Value> values(bytes.size() / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

}  // namespace

absl::StatusOr<EntryMap> SafeTensors::ParseHeader(absl::Span<const std::byte> bytes,
                                                  const std::string& path, size_t* data_begin) {
  if (bytes.size() < kLengthBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} bytes are too few for a safetensors file", path, bytes.size()));
  }
  uint64_t header_bytes;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{}: a header of {} bytes does not fit into the file of {} bytes", path,
                    header_bytes, bytes.size()));
  }
  *data_begin = kLengthBytes + header_bytes;
  const size_t data_bytes = bytes.size() - *data_begin;
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                header_bytes);
  VECNEST_ASSIGN_OR_RETURN(const Json root, Json::Parse(header, path));
  if (!root.IsObject()) return Damaged(root, "the header is no JSON object");
  EntryMap entries;
  for (const auto& [name, tensor] : root.Members()) {
    if (name == "__metadata__") continue;
    VECNEST_ASSIGN_OR_RETURN(Entry entry, ParseEntry(tensor, data_bytes));
    entries.emplace(name, std::move(entry));
  }
  VECNEST_RETURN_IF_ERROR(CheckCoverage(entries, path, data_bytes));
  return entries;
}

absl::StatusOr<SafeTensors> SafeTensors::Open(const std::string& path) {
  SafeTensors tensors;
  VECNEST_ASSIGN_OR_RETURN(tensors.file_, MappedFile::Open(path));
  VECNEST_ASSIGN_OR_RETURN(tensors.entries_,
                           ParseHeader(tensors.file_->bytes(), path, &tensors.data_begin_));
  return tensors;
}

std::vector<std::string> SafeTensors::Names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

size_t SafeTensors::StoredBytes(std::string_view name) const {
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? 0 : entry->second.end - entry->second.begin;
}

absl::StatusOr<std::vector<int64_t>> SafeTensors::Shape(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second.shape;
  return absl::InvalidArgumentError(fmt::format("{}: no tensor \"{}\"", file_->path(), name));
}

absl::StatusOr<SafeTensors::Found> SafeTensors::Find(std::string_view name,
                                                     const std::vector<int64_t>& shape) const {
  VECNEST_ASSIGN_OR_RETURN(const std::vector<int64_t> found_shape, Shape(name));
  if (found_shape != shape) {
    return absl::InvalidArgumentError(fmt::format("{}: tensor \"{}\": expected shape {}, found {}",
                                                  file_->path(), name, shape, found_shape));
  }
  const Entry& entry = entries_.find(name)->second;
  return Found{entry.dtype,
               file_->bytes().subspan(data_begin_ + entry.begin, entry.end - entry.begin)};
}

absl::Status SafeTensors::WrongDtype(std::string_view name, std::string_view expected,
                                     std::string_view found) const {
  return absl::InvalidArgumentError(fmt::format("{}: tensor \"{}\": expected dtype {}, found {}",
                                                file_->path(), name, expected, found));
}

absl::StatusOr<FloatTensor> SafeTensors::Floats(std::string_view name,
                                                const std::vector<int64_t>& shape) const {
  VECNEST_ASSIGN_OR_RETURN(const Found found, Find(name, shape));
  const absl::Span<const std::byte> bytes = found.bytes;
  if (found.dtype == "F32") {
    if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0) {
      return FloatTensor(
          file_, {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)});
    }
    return FloatTensor(ConvertAll<float, float>(bytes, [](float value) { return value; }));
  }
  if (found.dtype == "F16") return FloatTensor(ConvertAll<float, uint16_t>(bytes, HalfToFloat));
  if (found.dtype == "BF16") {
    return FloatTensor(ConvertAll<float, uint16_t>(bytes, Bfloat16ToFloat));
  }
  if (found.dtype == "F64") {
    return FloatTensor(
        ConvertAll<float, double>(bytes, [](double value) { return static_cast<float>(value); }));
  }
  return WrongDtype(name, "F64, F32, F16 or BF16", found.dtype);
}

absl::StatusOr<std::vector<int64_t>> SafeTensors::Integers(
    std::string_view name, const std::vector<int64_t>& shape) const {
  VECNEST_ASSIGN_OR_RETURN(const Found found, Find(name, shape));
  const auto same = [](auto value) { return int64_t{value}; };
  if (found.dtype == "I32") return ConvertAll<int64_t, int32_t>(found.bytes, same);
  if (found.dtype == "I64") return ConvertAll<int64_t, int64_t>(found.bytes, same);
  return WrongDtype(name, "I32 or I64", found.dtype);
}

}  // namespace vecnest::embedder
