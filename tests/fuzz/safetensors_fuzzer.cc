// Any bytes as a safetensors file: an error or ranges that lie within the file, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "embedder/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  size_t data_begin = 0;
  const auto entries = vecnest::embedder::SafeTensors::ParseHeader(
      {reinterpret_cast<const std::byte*>(data), size}, "fuzz", &data_begin);
  if (!entries.ok()) return 0;
  for (const auto& [name, entry] : *entries) {
    if (entry.begin > entry.end || entry.end > size - data_begin) std::abort();
  }
  return 0;
}
