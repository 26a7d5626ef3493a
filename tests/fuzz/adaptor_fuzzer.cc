// Any bytes as an adaptor: an error, or an adaptor that has these bytes and rotates; never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "embedder/adaptor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto adaptor = vecnest::embedder::Adaptor::Decode(bytes);
  if (!adaptor.ok()) return 0;
  if ((*adaptor)->Encode() != bytes) std::abort();
  const std::vector<float> row((*adaptor)->dimensions(), 1);
  std::vector<float> rotated(row.size());
  if (!(*adaptor)->Rotate(row, absl::MakeSpan(rotated)).ok()) std::abort();
  return 0;
}
