// vecnest embed: texts on standard input, one a line, to vectors on standard output.

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  std::string adaptor;
};

// Writes one NumPy array of rows. Its header tells their number, which is known only at the end:
// until then they are in a file without a name, so that memory does not grow with them.
class NpyWriter {
 public:
  NpyWriter() : rows_file_(std::tmpfile()) {}
  ~NpyWriter() {
    if (rows_file_ != nullptr) std::fclose(rows_file_);
  }
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  absl::Status Add(const std::vector<float>& row) {
    if (rows_file_ == nullptr ||
        std::fwrite(row.data(), sizeof(float), row.size(), rows_file_) != row.size()) {
      return Failed();
    }
    columns_ = row.size();
    ++rows_;
    return absl::OkStatus();
  }

  absl::Status Finish(std::ostream& out) {
    if (rows_file_ == nullptr || std::fflush(rows_file_) != 0) return Failed();
    WriteHeader(out);
    std::rewind(rows_file_);
    std::vector<char> part(size_t{1} << 20);
    for (size_t size = part.size(); size == part.size();) {
      size = std::fread(part.data(), 1, part.size(), rows_file_);
      out.write(part.data(), static_cast<std::streamsize>(size));
    }
    return std::ferror(rows_file_) == 0 ? absl::OkStatus() : Failed();
  }

 private:
  static absl::Status Failed() {
    return absl::InternalError(
        fmt::format("a temporary file for the rows: {}", std::strerror(errno)));
  }

  // Format 1.0: padded so that the data starts at a multiple of 64.
  void WriteHeader(std::ostream& out) const {
    std::string header = fmt::format(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows_, columns_);
    constexpr size_t kPreambleBytes = 10;
    while ((kPreambleBytes + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    const auto length = static_cast<uint16_t>(header.size());
    out.write("\x93NUMPY\x01\x00", 8);
    out.put(static_cast<char>(length & 0xff));
    out.put(static_cast<char>(length >> 8));
    out << header;
  }

  std::FILE* rows_file_;
  size_t rows_ = 0;
  size_t columns_ = 0;
};

// What the embedder calls "text 3" of a batch is a line of the input, which are counted from 1.
absl::Status NameLine(const absl::Status& status, size_t lines_before) {
  constexpr std::string_view kNoun = "text ";
  const std::string message(status.message());
  if (!message.starts_with(kNoun)) return status;
  size_t index = 0;
  const char* end = message.data() + message.size();
  const auto number = std::from_chars(message.data() + kNoun.size(), end, index);
  if (number.ec != std::errc()) return status;
  return {status.code(), fmt::format("line {}: the text{}", lines_before + index + 1,
                                     std::string(number.ptr, end))};
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
  if (!options.adaptor.empty()) {
    auto adaptor = Adaptor::Load(options.adaptor);
    if (!adaptor.ok()) return adaptor.status();
    embed.adaptor = *std::move(adaptor);
  }

  std::optional<NpyWriter> npy;
  if (options.format == "npy") npy.emplace();
  size_t index = 0;
  size_t lines = 0;  // that were turned into vectors
  size_t truncated = 0;
  std::vector<std::string> texts;
  const auto flush = [&]() -> absl::Status {
    if (texts.empty()) return absl::OkStatus();
    auto embeddings = (*embedder)->Embed(texts, embed);
    if (!embeddings.ok()) return NameLine(embeddings.status(), lines);
    lines += texts.size();
    for (const Embedding& embedding : *embeddings) {
      if (embedding.truncated) ++truncated;
      if (npy) {
        if (auto status = npy->Add(embedding.vector); !status.ok()) return status;
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
  if (npy) {
    if (auto status = npy->Finish(std::cout); !status.ok()) return status;
  }
  std::cout.flush();
  if (truncated > 0) {
    fmt::print(stderr, "{} texts were cut to what the model reads; --no-truncate refuses them\n",
               truncated);
  }
  return std::cout ? absl::OkStatus() : absl::InternalError("writing to standard output failed");
}

}  // namespace

void AddEmbed(CLI::App& app, Command& command) {
  auto options = std::make_shared<EmbedCommandOptions>();
  CLI::App* embed = app.add_subcommand("embed",
                                       "Turn texts (standard input, one a line) into vectors "
                                       "(standard output); an empty line has one, "
                                       "too, so that the rows fit the lines");
  options->models.AddTo(*embed);
  embed
      ->add_option(
          "--dimensions", options->dimensions,
          "First so many dimensions, scaled to unit length again where the model's vectors "
          "have it; 0: all")
      ->check(CLI::NonNegativeNumber);
  embed
      ->add_option("--adaptor", options->adaptor,
                   "Give vectors as a collection with this adaptor compares them; a file that "
                   "adapt --export wrote")
      ->check(CLI::ExistingFile);
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
