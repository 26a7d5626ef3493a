#include "engine/refused_text.h"

#include <utility>

namespace vecnest::engine {

std::optional<RefusedText> FindRefused(const embedder::Encoder& encoder,
                                       const embedder::EncodeOptions& options,
                                       absl::Span<const std::string_view> texts) {
  constexpr std::string_view kAlone = "text 0 ";
  for (size_t i = 0; i < texts.size(); ++i) {
    const absl::Status refused = encoder.Tokenize(texts.subspan(i, 1), options).status();
    if (refused.ok()) continue;
    std::string reason(refused.message());
    if (reason.starts_with(kAlone)) reason = "the text " + reason.substr(kAlone.size());
    return RefusedText{i, std::move(reason)};
  }
  return std::nullopt;
}

}  // namespace vecnest::engine
