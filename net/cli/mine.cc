// vecnest mine-negatives: what a search takes for an answer and is none.

#include <memory>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/interrupt.h"
#include "net/cli/mining.h"
#include "net/cli/output_file.h"

namespace vecnest::cli {
namespace {

struct MineOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  std::string vector_name;
  std::string pairs;
  std::string output;
  ModelFlags models;
  MiningFlags mining;
};

absl::Status MineCommand(const MineOptions& options) {
  if (auto status = CheckOutput(options.output, "--output"); !status.ok()) return status;
  auto pairs = ReadPairFile(options.pairs);
  if (!pairs.ok()) return pairs.status();
  std::unique_ptr<Database> database;
  std::unique_ptr<MiningSource> source;
  const MiningFlags& mining = options.mining;
  if (options.data.empty()) {
    auto server = ServerTexts(options.url, options.api_key, options.collection, mining.field,
                              options.vector_name, mining.dimensions);
    if (!server.ok()) return server.status();
    source = *std::move(server);
  } else {
    auto opened =
        OpenDatabase(options.data, options.models, /*models_required=*/true, /*must_exist=*/true);
    if (!opened.ok()) return opened.status();
    database = *std::move(opened);
    source = CollectionTexts(*database, options.collection, mining.field, options.vector_name,
                             mining.dimensions);
  }
  CatchInterrupts();
  auto mined = Mine(*source, WithoutNegatives(*pairs), mining);
  if (!mined.ok()) return mined.status();
  if (auto status = WritePairFile(options.output, *mined); !status.ok()) return status;
  fmt::print("{}\n", options.output);
  return absl::OkStatus();
}

}  // namespace

void AddMineNegatives(CLI::App& app, Command& command) {
  auto options = std::make_shared<MineOptions>();
  CLI::App* mine = app.add_subcommand(
      "mine-negatives",
      "For pairs of questions and answers, find texts of a collection that look like answers and "
      "are none; `vecnest adapt --pairs` and sentence-transformers learn from them");
  auto* data = mine->add_option("--data", options->data, "Data directory, without a server")
                   ->check(CLI::ExistingDirectory);
  auto* url = mine->add_option("--url", options->url, "Server, for example http://127.0.0.1:6333");
  data->excludes(url);
  mine->add_option("--collection", options->collection)->required();
  mine->add_option("--using", options->vector_name, "Named vector");
  mine->add_option("--pairs", options->pairs,
                   R"(JSON lines {"query": "...", "positive": "..."}; positives are texts of the )"
                   "collection")
      ->required()
      ->check(CLI::ExistingFile);
  mine->add_option("--output", options->output,
                   "File for the same lines with negative_1, negative_2...")
      ->required();
  options->mining.AddTo(*mine);
  options->models.AddTo(*mine, url);
  mine->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  mine->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return MineCommand(*options); };
  });
}

}  // namespace vecnest::cli
