#include "embedder/registry.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "embedder/bert.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

struct Registration {
  std::string_view model_type;
  absl::StatusOr<std::unique_ptr<const Architecture>> (*create)(const Json&, const SafeTensors&,
                                                                Precision);
};

constexpr Registration kArchitectures[] = {
    {"bert", CreateBert},
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Architecture>> CreateArchitecture(const Json& config,
                                                                       const SafeTensors& weights,
                                                                       Precision precision) {
  VECNEST_ASSIGN_OR_RETURN(const std::string wanted, config.GetString("model_type"));
  std::string known;
  for (const Registration& registration : kArchitectures) {
    if (registration.model_type == wanted) return registration.create(config, weights, precision);
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", registration.model_type);
  }
  return absl::InvalidArgumentError(fmt::format(
      "{}: model_type \"{}\" is not supported (known: {})", config.name(), wanted, known));
}

}  // namespace vecnest::embedder
