#include "embedder/registry.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "embedder/bert.h"
#include "embedder/static_table.h"

namespace vecnest::embedder {
namespace {

struct Registration {
  std::string_view model_type;
  absl::StatusOr<std::unique_ptr<const Architecture>> (*create)(const Json&, const SafeTensors&,
                                                                Precision);
};

constexpr Registration kArchitectures[] = {
    {"bert", CreateBert},
    {"model2vec", CreateStaticTable},
    {"StaticEmbedding", CreateStaticTable},
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Architecture>> CreateArchitecture(std::string_view model_type,
                                                                       const Json& config,
                                                                       const SafeTensors& weights,
                                                                       Precision precision) {
  std::string known;
  for (const Registration& registration : kArchitectures) {
    if (registration.model_type == model_type)
      return registration.create(config, weights, precision);
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", registration.model_type);
  }
  return absl::InvalidArgumentError(fmt::format(
      "{}: model_type \"{}\" is not supported (known: {})", config.name(), model_type, known));
}

}  // namespace vecnest::embedder
