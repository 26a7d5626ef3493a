// vecnest verify: does the store hold what it should?

#include "fmt/format.h"
#include "net/cli/commands.h"

namespace vecnest::cli {
namespace {

struct VerifyOptions {
  std::string data;
  ModelFlags models;
  size_t sample = 200;
};

absl::Status Verify(const VerifyOptions& options) {
  auto database =
      OpenDatabase(options.data, options.models, /*models_required=*/false, /*must_exist=*/true);
  if (!database.ok()) return database.status();
  auto report = (*database)->Verify(options.sample);
  if (!report.ok()) return report.status();
  fmt::print("collections: {}\npoints: {}\nvectors: {}\ntexts encoded again: {}\n",
             report->collections, report->points, report->vectors, report->texts_reencoded);
  for (const std::string& problem : report->problems) fmt::print("PROBLEM {}\n", problem);
  if (!report->problems.empty()) {
    return absl::DataLossError(fmt::format("{} problems found", report->problems.size()));
  }
  fmt::print("all is well\n");
  return absl::OkStatus();
}

}  // namespace

void AddVerify(CLI::App& app, Command& command) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* verify = app.add_subcommand(
      "verify", "Check checksums, that index and store agree, and encode a sample of texts again");
  verify->add_option("--data", options->data, "Data directory; no server may be using it")
      ->required()
      ->check(CLI::ExistingDirectory);
  options->models.AddTo(*verify);
  verify->add_option("--sample", options->sample, "Texts of each collection to encode again")
      ->capture_default_str();
  verify->callback([options, &command] { command = [options] { return Verify(*options); }; });
}

}  // namespace vecnest::cli
