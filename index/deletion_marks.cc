#include "index/deletion_marks.h"

#include <cstdint>

#include "fmt/format.h"
#include "roaring/roaring.h"

namespace vecnest::index {
namespace {

struct FreeBitmap {
  void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, FreeBitmap>;

}  // namespace

DeletionMarks::DeletionMarks(size_t rows)
    : rows_(rows), marks_(std::make_unique<std::atomic<Label>[]>(rows)) {
  for (size_t row = 0; row < rows; ++row) marks_[row].store(kNever, std::memory_order_relaxed);
}

bool DeletionMarks::Mark(size_t row, Label at) {
  if (marks_[row].load(std::memory_order_relaxed) != kNever) return false;
  marks_[row].store(at, std::memory_order_release);
  count_.fetch_add(1, std::memory_order_release);
  return true;
}

std::string DeletionMarks::Serialize() const {
  if (count() == 0) return {};
  const Bitmap bitmap(roaring_bitmap_create());
  for (size_t row = 0; row < rows_; ++row) {
    if (IsDeleted(row)) roaring_bitmap_add(bitmap.get(), static_cast<uint32_t>(row));
  }
  roaring_bitmap_run_optimize(bitmap.get());
  std::string bytes(roaring_bitmap_portable_size_in_bytes(bitmap.get()), '\0');
  roaring_bitmap_portable_serialize(bitmap.get(), bytes.data());
  return bytes;
}

absl::Status DeletionMarks::MarkSerialized(std::string_view bytes) {
  if (bytes.empty()) return absl::OkStatus();
  const Bitmap bitmap(roaring_bitmap_portable_deserialize_safe(bytes.data(), bytes.size()));
  if (bitmap == nullptr) {
    return absl::DataLossError(fmt::format("{} bytes are no Roaring bitmap", bytes.size()));
  }
  roaring_uint32_iterator_t rows;
  roaring_init_iterator(bitmap.get(), &rows);
  for (; rows.has_value; roaring_advance_uint32_iterator(&rows)) {
    if (rows.current_value >= rows_) {
      return absl::DataLossError(
          fmt::format("row {} of {} is marked as deleted", rows.current_value, rows_));
    }
    Mark(rows.current_value, 0);
  }
  return absl::OkStatus();
}

}  // namespace vecnest::index
