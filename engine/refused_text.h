// Which of several texts a model refuses, and why.
#ifndef VECNEST_ENGINE_REFUSED_TEXT_H_
#define VECNEST_ENGINE_REFUSED_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "embedder/encoder.h"

namespace vecnest::engine {

struct RefusedText {
  size_t index = 0;
  std::string reason;  // "the text has 300 tokens, ..."
};

// The encoder knows texts by their position in a call, whoever sent them otherwise: finds the first
// that it refuses by trying each alone.
std::optional<RefusedText> FindRefused(const embedder::Encoder& encoder,
                                       const embedder::EncodeOptions& options,
                                       absl::Span<const std::string_view> texts);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_REFUSED_TEXT_H_
