#include "index/manifest.h"

#include "fmt/format.h"

namespace vecnest::index {

absl::Status CheckManifest(const Manifest& manifest) {
  Label last = 0;
  for (const SegmentRecord& record : manifest.segments) {
    if (record.min_label <= last || record.max_label < record.min_label ||
        record.max_label > manifest.persisted_through) {
      return absl::InvalidArgumentError(fmt::format("the manifest's range {} to {} of {} overlaps",
                                                    record.min_label, record.max_label,
                                                    record.file));
    }
    if (record.file.find('/') != std::string::npos) {
      return absl::InvalidArgumentError(fmt::format("{} is not a file name", record.file));
    }
    last = record.max_label;
  }
  return absl::OkStatus();
}

}  // namespace vecnest::index
