#include "engine/vector_adaptor.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "fmt/format.h"
#include "index/scorer.h"

namespace vecnest {

absl::StatusOr<std::shared_ptr<const Adaptor>> Adaptor::Decode(std::string_view bytes) {
  auto map = engine::DecodeAdaptor(bytes);
  if (!map.ok()) return map.status();
  return std::make_shared<engine::VectorAdaptor>(*std::move(map));
}

absl::StatusOr<std::shared_ptr<const Adaptor>> Adaptor::Load(const std::string& path) {
  std::error_code none;  // not a file then, which the next line finds
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, none)) {
    return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  }
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto adaptor = Decode(bytes);
  if (adaptor.ok()) return adaptor;
  return absl::Status(adaptor.status().code(),
                      fmt::format("{}: {}", path, std::string(adaptor.status().message())));
}

namespace engine {

AdaptorInfo Describe(const embedder::Adaptor& adaptor) {
  const embedder::AdaptorParameters& parameters = adaptor.parameters();
  return {.method = parameters.method,
          .samples = parameters.samples,
          .identity = adaptor.identity(),
          .model = parameters.model,
          .model_identity = parameters.model_identity};
}

absl::StatusOr<std::shared_ptr<const embedder::Adaptor>> DecodeAdaptor(std::string_view bytes) {
  auto decoded = embedder::Adaptor::Decode(bytes);
  if (!absl::IsDataLoss(decoded.status())) return decoded;
  return absl::InvalidArgumentError(decoded.status().message());
}

absl::Status CheckAdaptor(const Adaptor& adaptor, int width, std::string_view model,
                          std::string_view model_identity) {
  if (adaptor.dimensions() == width) {
    return CheckAdaptorModel(adaptor.info(), model, model_identity);
  }
  return absl::InvalidArgumentError(fmt::format(
      "the adaptor is of vectors of {} dimensions, these have {}", adaptor.dimensions(), width));
}

absl::Status CheckAdaptorModel(const AdaptorInfo& adaptor, std::string_view model,
                               std::string_view model_identity) {
  constexpr size_t kShown = 8;
  if (adaptor.model_identity.empty() || model_identity.empty() ||
      adaptor.model_identity == model_identity) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(fmt::format(
      "the adaptor was learned from vectors of model '{}' ({}), which says nothing about those of "
      "'{}' ({}); use that model, or another adaptor or none",
      adaptor.model, adaptor.model_identity.substr(0, kShown), model,
      model_identity.substr(0, kShown)));
}

void ScaleToUnit(absl::Span<float> vector) {
  const float inverse = index::InverseNorm(vector);
  if (inverse == 0) return;
  for (float& value : vector) value *= inverse;
}

absl::StatusOr<std::vector<float>> VectorAdaptor::Apply(absl::Span<const float> vectors,
                                                        int width) const {
  if (width < 0 || width > dimensions()) {
    return absl::InvalidArgumentError(fmt::format(
        "dimensions: {}, expected 1 to {} (the width of the adaptor)", width, dimensions()));
  }
  const size_t full = map_->dimensions();
  const size_t kept = width == 0 ? full : static_cast<size_t>(width);
  std::vector<float> rotated(vectors.size());
  if (auto status = map_->Rotate(vectors, absl::MakeSpan(rotated)); !status.ok()) return status;
  if (kept == full) return rotated;
  const std::vector<float>& scales = map_->parameters().scales;
  const size_t count = rotated.size() / full;
  for (size_t row = 0; row < count; ++row) {
    for (size_t i = 0; i < kept; ++i) rotated[row * kept + i] = rotated[row * full + i] * scales[i];
  }
  rotated.resize(count * kept);
  return rotated;
}

}  // namespace engine
}  // namespace vecnest
