// Reader of the safetensors format (https://github.com/huggingface/safetensors): eight bytes of
// header length (little-endian), a JSON header, then the tensors' bytes.
#ifndef VECNEST_EMBEDDER_SAFETENSORS_H_
#define VECNEST_EMBEDDER_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "embedder/mapped_file.h"

namespace vecnest::embedder {

// Floats of a tensor: a view of the mapped file where it holds aligned F32, else a converted
// copy. Movable; the view stays valid when moved and keeps the mapping alive.
class FloatTensor {
 public:
  FloatTensor() = default;
  explicit FloatTensor(std::vector<float> values) : owned_(std::move(values)), values_(owned_) {}
  FloatTensor(std::shared_ptr<const MappedFile> file, absl::Span<const float> values)
      : file_(std::move(file)), values_(values) {}
  FloatTensor(FloatTensor&&) = default;
  FloatTensor& operator=(FloatTensor&&) = default;

  absl::Span<const float> values() const { return values_; }
  const float* data() const { return values_.data(); }
  size_t owned_bytes() const { return owned_.size() * sizeof(float); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<float> owned_;
  absl::Span<const float> values_;
};

// The tensors of one file. Nothing in it is trusted: header length, JSON, dtypes, shapes, and
// that the tensors' ranges fit their shapes, do not overlap, leave no hole and fill the file.
// Immutable, safe from any thread.
class SafeTensors {
 public:
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    size_t begin = 0;  // byte range relative to the data section
    size_t end = 0;
  };

  // Errors name the file and, where one is at fault, the tensor.
  static absl::StatusOr<SafeTensors> Open(const std::string& path);

  // Checks the header of the file image `bytes`; the result maps names to byte ranges.
  // `data_begin` receives where the data section starts. For Open and for fuzzing.
  static absl::StatusOr<std::map<std::string, Entry, std::less<>>> ParseHeader(
      absl::Span<const std::byte> bytes, const std::string& path, size_t* data_begin);

  bool Contains(std::string_view name) const { return entries_.contains(name); }
  std::vector<std::string> Names() const;

  // The extents of the tensor `name`, or InvalidArgument when it is missing.
  absl::StatusOr<std::vector<int64_t>> Shape(std::string_view name) const;

  // What the tensor `name` takes in the file; 0 when it is missing.
  size_t StoredBytes(std::string_view name) const;

  // The tensor `name` as floats. InvalidArgument when it is missing, has another shape, or is
  // neither F64, F32, F16 nor BF16.
  absl::StatusOr<FloatTensor> Floats(std::string_view name,
                                     const std::vector<int64_t>& shape) const;

  // The same for I32 and I64.
  absl::StatusOr<std::vector<int64_t>> Integers(std::string_view name,
                                                const std::vector<int64_t>& shape) const;

  const MappedFile& file() const { return *file_; }

 private:
  struct Found {
    std::string_view dtype;
    absl::Span<const std::byte> bytes;
  };

  SafeTensors() = default;
  absl::StatusOr<Found> Find(std::string_view name, const std::vector<int64_t>& shape) const;
  absl::Status WrongDtype(std::string_view name, std::string_view expected,
                          std::string_view found) const;

  std::shared_ptr<const MappedFile> file_;
  size_t data_begin_ = 0;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_SAFETENSORS_H_
