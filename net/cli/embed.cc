// vecnest embed: texts on standard input, one a line, to vectors on standard output.

#include <cstring>
#include <iostream>
#include <string>

#include "engine/json.h"
#include "fmt/format.h"
#include "net/cli/commands.h"

namespace vecnest::cli {
namespace {

constexpr size_t kBatchTexts = 1024;

struct EmbedCommandOptions {
  ModelFlags models;
  int dimensions = 0;
  std::string type = "document";
  std::string format = "jsonl";
  bool no_truncate = false;
};

// NumPy's format 1.0: the header is padded so that the data starts at a multiple of 64. The number
// of rows is known only at the end, so rows are kept until then.
void WriteNpy(const std::vector<float>& values, size_t columns) {
  const size_t rows = columns == 0 ? 0 : values.size() / columns;
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  constexpr size_t kPreambleBytes = 10;
  while ((kPreambleBytes + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::cout.write("\x93NUMPY\x01\x00", 8);
  std::cout.put(static_cast<char>(length & 0xff));
  std::cout.put(static_cast<char>(length >> 8));
  std::cout << header;
  std::cout.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(float)));
}

absl::Status Embed(const EmbedCommandOptions& options) {
  auto models = options.models.Choose(/*required=*/true);
  if (!models.ok()) return models.status();
  auto embedder = TextEmbedder::Load(*models, options.models.LoadOptions());
  if (!embedder.ok()) return embedder.status();
  EmbedOptions embed;
  embed.dimensions = options.dimensions;
  embed.type = options.type == "query" ? TextType::kQuery : TextType::kDocument;
  embed.truncate = !options.no_truncate;

  std::vector<float> values;
  size_t columns = 0;
  size_t index = 0;
  std::vector<std::string> texts;
  const auto flush = [&]() -> absl::Status {
    if (texts.empty()) return absl::OkStatus();
    auto embeddings = (*embedder)->Embed(texts, embed);
    if (!embeddings.ok()) return embeddings.status();
    for (const Embedding& embedding : *embeddings) {
      if (options.format == "npy") {
        columns = embedding.vector.size();
        values.insert(values.end(), embedding.vector.begin(), embedding.vector.end());
        continue;
      }
      const engine::Json line = {{"index", index++},
                                 {"tokens", embedding.tokens},
                                 {"truncated", embedding.truncated},
                                 {"embedding", embedding.vector}};
      std::cout << line.dump() << '\n';
    }
    texts.clear();
    return absl::OkStatus();
  };
  for (std::string line; std::getline(std::cin, line);) {
    if (line.ends_with('\r')) line.pop_back();
    texts.push_back(std::move(line));
    if (texts.size() < kBatchTexts) continue;
    if (auto status = flush(); !status.ok()) return status;
  }
  if (auto status = flush(); !status.ok()) return status;
  if (options.format == "npy") WriteNpy(values, columns);
  std::cout.flush();
  return std::cout ? absl::OkStatus() : absl::InternalError("writing to standard output failed");
}

}  // namespace

void AddEmbed(CLI::App& app, Command& command) {
  auto options = std::make_shared<EmbedCommandOptions>();
  CLI::App* embed = app.add_subcommand(
      "embed", "Turn texts (standard input, one a line) into vectors (standard output)");
  options->models.AddTo(*embed);
  embed
      ->add_option("--dimensions", options->dimensions,
                   "First so many dimensions, scaled to unit length; 0: all")
      ->check(CLI::NonNegativeNumber);
  embed->add_option("--type", options->type, "What the texts are; decides the model's prefix")
      ->check(CLI::IsMember({"query", "document"}))
      ->capture_default_str();
  embed->add_option("--format", options->format, "JSON lines, or one NumPy array")
      ->check(CLI::IsMember({"jsonl", "npy"}))
      ->capture_default_str();
  embed->add_flag("--no-truncate", options->no_truncate,
                  "Fail on a text longer than the model reads instead of cutting it");
  embed->callback([options, &command] { command = [options] { return Embed(*options); }; });
}

}  // namespace vecnest::cli
