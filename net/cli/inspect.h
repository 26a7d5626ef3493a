// What the subcommands of `vecnest inspect` have in common.
#ifndef VECNEST_NET_CLI_INSPECT_H_
#define VECNEST_NET_CLI_INSPECT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/cli/progress.h"
#include "net/codec_inspect.h"
#include "vecnest/inspection.h"

namespace vecnest::cli {

struct InspectFlags {
  ModelFlags models;
  std::string type = "document";
  std::optional<std::string> prefix;
  bool json = false;

  // Registers them and those of the model.
  void AddTo(CLI::App& command);
  InspectOptions Options() const;
  // The one model that is looked into.
  absl::StatusOr<std::unique_ptr<TextEmbedder>> Load() const;
};

// Writes what a command found, as JSON.
void PrintJson(const engine::Json& answer);
// An error about one of several texts, "sentences[0]: ...", as one that counts from 1 and calls
// them by `noun`: "sentence 1: ...". Others are left alone.
absl::Status CountFromOne(const absl::Status& status, std::string_view name, std::string_view noun);
// "em ##bed ##ding"
std::string JoinTokens(const std::vector<NamedToken>& tokens);

// Progress of a long inspection, which Ctrl-C stops.
class Watch {
 public:
  explicit Watch(std::string unit) : unit_(std::move(unit)) {}
  static void Limit(InspectOptions& options) { options.limits.stop = InterruptToken(); }
  // For Inspector's calls; the watch must outlive them.
  InspectProgress Sink();
  void Update(uint64_t done, uint64_t total, uint64_t items);

 private:
  const std::string unit_;
  std::optional<Progress> progress_;
};

// Each registers some of the subcommands.
void AddInspectTokens(CLI::App& inspect, Command& command);
void AddInspectLayers(CLI::App& inspect, Command& command);
void AddInspectCorpus(CLI::App& inspect, Command& command);

}  // namespace vecnest::cli

#endif  // VECNEST_NET_CLI_INSPECT_H_
