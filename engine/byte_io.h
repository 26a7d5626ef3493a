// Records as bytes: a version byte, then integers in little-endian order and texts with their
// length.
#ifndef VECNEST_ENGINE_BYTE_IO_H_
#define VECNEST_ENGINE_BYTE_IO_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fmt/format.h"

namespace vecnest::engine {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

class ByteWriter {
 public:
  explicit ByteWriter(uint8_t version = 1) { Number(version); }
  template <typename Integer>
  void Number(Integer value) {
    static_assert(std::is_integral_v<Integer>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Text(std::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  void OptionalText(const std::optional<std::string>& text) {
    Number(static_cast<uint8_t>(text.has_value()));
    if (text) Text(*text);
  }
  void Floats(const std::vector<float>& values) {
    Number(static_cast<uint32_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  void Bytes(std::string_view bytes) { bytes_.append(bytes); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what ByteWriter wrote. After the first failure everything reads as empty and Finish says
// so.
class ByteReader {
 public:
  // Versions 1 to `newest` are known.
  ByteReader(std::string_view bytes, std::string_view what, uint8_t newest = 1)
      : rest_(bytes), what_(what), version_(Number<uint8_t>()) {
    if (!failed_ && (version_ < 1 || version_ > newest)) {
      Fail(fmt::format("format version {} is unknown, expected at most {}", version_, newest));
    }
  }
  uint8_t version() const { return version_; }
  template <typename Integer>
  Integer Number() {
    Integer value = 0;
    const std::string_view bytes = Bytes(sizeof(value));
    if (!failed_) std::copy_n(bytes.data(), sizeof(value), reinterpret_cast<char*>(&value));
    return value;
  }
  std::string Text() { return std::string(Bytes(Number<uint32_t>())); }
  std::optional<std::string> OptionalText() {
    if (Number<uint8_t>() == 0) return std::nullopt;
    return Text();
  }
  std::vector<float> Floats() {
    const std::string_view bytes = Bytes(size_t{Number<uint32_t>()} * sizeof(float));
    std::vector<float> values(bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  // A count of elements that take at least `element_bytes` each, so that it can be reserved.
  size_t Count(size_t element_bytes) {
    const size_t count = Number<uint32_t>();
    if (count > rest_.size() / element_bytes) Fail("ends too early");
    return failed_ ? 0 : count;
  }
  absl::Status Finish() {
    if (!failed_ && !rest_.empty()) Fail(fmt::format("{} bytes too many", rest_.size()));
    if (!failed_) return absl::OkStatus();
    return absl::DataLossError(fmt::format("{} record: {}", what_, problem_));
  }

  // Refuses what was read, for a reason that only the caller knows.
  void Fail(std::string problem) {
    if (!failed_) problem_ = std::move(problem);
    failed_ = true;
  }
  bool failed() const { return failed_; }
  std::string_view Bytes(size_t count) {
    if (count > rest_.size()) Fail("ends too early");
    if (failed_) return {};
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

 private:
  std::string_view rest_;
  std::string_view what_;
  bool failed_ = false;
  std::string problem_;
  uint8_t version_;
};

template <typename Value>
absl::StatusOr<Value> Finished(ByteReader& reader, Value value) {
  if (auto status = reader.Finish(); !status.ok()) return status;
  return value;
}

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_BYTE_IO_H_
