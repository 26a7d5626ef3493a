// vecnest import: files into a collection, resumable, with an error a line.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/import_source.h"
#include "net/cli/import_target.h"
#include "net/cli/interrupt.h"
#include "net/cli/progress.h"
#include "net/codec_usage.h"

namespace vecnest::cli {
namespace {

namespace fs = std::filesystem;
using engine::Json;

constexpr uint64_t kShownErrors = 20;

struct ImportOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  std::vector<std::string> files;
  ModelFlags models;
  FieldNames fields;
  std::string format;
  std::string distance = "Cosine";
  std::string errors_file;
  uint64_t first_id = 1;
  size_t batch = 256;
  int chunk_tokens = 0;  // 0: texts stay whole
  int chunk_overlap = 0;
  bool no_truncate = false;
  bool restart = false;
};

// Remembers how far a file has got, under a name made of what was imported where.
class Resume {
 public:
  Resume(const ImportOptions& options, const std::string& file) {
    std::error_code error;
    const fs::path absolute = fs::absolute(file, error);
    const auto modified = fs::last_write_time(file, error).time_since_epoch().count();
    // Whatever decides on what is made of the file's lines.
    const FieldNames& fields = options.fields;
    key_ = Json{options.url,
                options.collection,
                absolute.string(),
                fs::file_size(file, error),
                modified,
                options.format,
                options.first_id,
                fields.id,
                fields.text,
                fields.vector,
                fields.payload,
                fields.model,
                options.chunk_tokens,
                options.chunk_overlap,
                options.no_truncate}
               .dump(-1, ' ', false, Json::error_handler_t::replace);
    fs::path directory = fs::path(options.data) / "import";
    if (options.data.empty()) {
      const char* cache = std::getenv("XDG_CACHE_HOME");
      const char* home = std::getenv("HOME");
      directory =
          cache != nullptr ? fs::path(cache) : fs::path(home != nullptr ? home : "/tmp") / ".cache";
      directory /= "vecnest/import";
    }
    fs::create_directories(directory, error);
    path_ = directory / fmt::format("{:016x}.json", std::hash<std::string>()(key_));
  }

  // Nothing for another collection, be it of the same name.
  ImportPosition Load(const std::string& collection) const {
    std::ifstream stream(path_);
    const Json json = Json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || json.value("key", "") != key_ ||
        json.value("collection", "") != collection) {
      return {};
    }
    return {json.value("offset", uint64_t{0}), json.value("line", uint64_t{0}),
            json.value("items", uint64_t{0}), json.value("failed", uint64_t{0})};
  }

  void Save(const std::string& collection, const ImportPosition& position) const {
    const fs::path part = path_.string() + ".part";
    std::ofstream(part)
        << Json{{"key", key_},           {"collection", collection}, {"offset", position.offset},
                {"line", position.line}, {"items", position.items},  {"failed", position.failed}}
               .dump();
    std::error_code error;
    fs::rename(part, path_, error);
  }

  void Remove() const {
    std::error_code error;
    fs::remove(path_, error);
  }

 private:
  std::string key_;
  fs::path path_;
};

// Messages quote from files: what is not UTF-8 is replaced, control characters become spaces.
std::string Printable(const std::string& message) {
  const std::string quoted = Json(message).dump(-1, ' ', false, Json::error_handler_t::replace);
  auto printable = Json::parse(quoted).get<std::string>();
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return printable;
}

class Importer {
 public:
  Importer(const ImportOptions& options, Metric metric, std::unique_ptr<ImportTarget> target)
      : options_(options), metric_(metric), target_(std::move(target)) {}

  absl::Status Run() {
    if (auto status = CheckChunks(); !status.ok()) return status;
    auto identity = target_->CollectionIdentity(options_.collection);
    if (!identity.ok()) return identity.status();
    identity_ = *std::move(identity);
    if (auto status = OpenErrors(); !status.ok()) return status;
    uint64_t items_before = 0;
    for (const std::string& file : options_.files) {
      if (auto status = ImportFile(file, items_before); !status.ok()) return status;
    }
    if (!identity_.empty()) {
      if (auto status = target_->Finish(options_.collection); !status.ok()) return status;
    }
    for (const std::string& file : options_.files) Resume(options_, file).Remove();
    Summarize();
    if (failed_ == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format("{} lines were not imported", failed_));
  }

 private:
  // What no model can read would fail line by line.
  absl::Status CheckChunks() const {
    if (options_.chunk_tokens == 0) return absl::OkStatus();
    auto most = target_->MostTokens();
    if (!most.ok()) return most.status();
    constexpr int kSmallest = 8;  // of a chunk's own tokens
    if (*most == 0 || (options_.chunk_tokens >= kSmallest && options_.chunk_tokens <= *most)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        fmt::format("--chunk-tokens {}: expected {} to {}, the most that a loaded model reads",
                    options_.chunk_tokens, kSmallest, *most));
  }

  void Summarize() const {
    fmt::print(stderr, "{} points imported, {} lines failed\n", points_, failed_);
    if (options_.chunk_tokens > 0) {
      fmt::print(stderr, "they are {} lines in chunks of at most {} tokens\n", imported_,
                 options_.chunk_tokens);
    }
    for (const ModelUsage& one : usage_) {
      if (one.truncated == 0) continue;
      fmt::print(stderr,
                 "{} of {} texts were cut to the {} tokens that {} reads; --chunk-tokens {} makes "
                 "several points of such a text instead\n",
                 one.truncated, one.texts, one.max_tokens, one.model, one.max_tokens);
    }
  }

  // What an earlier run says it has written is worth nothing when the collection is gone.
  ImportPosition StartOf(const std::string& file) const {
    if (identity_.empty() || options_.restart) return {};
    return Resume(options_, file).Load(identity_);
  }

  // Errors of the run that is gone on with are kept.
  absl::Status OpenErrors() {
    if (options_.errors_file.empty()) return absl::OkStatus();
    bool going_on = false;
    for (const std::string& file : options_.files) {
      going_on = going_on || StartOf(file).offset > 0;
    }
    errors_.open(options_.errors_file, going_on ? std::ios::app : std::ios::trunc);
    if (errors_) return absl::OkStatus();
    return absl::PermissionDeniedError(
        fmt::format("--errors {}: cannot be written", options_.errors_file));
  }

  struct Pending {
    uint64_t line;
    Point point;
  };

  absl::Status ImportFile(const std::string& file, uint64_t& items_before) {
    const Resume resume(options_, file);
    const ImportPosition start = StartOf(file);
    auto source = ImportSource::Open(file, options_.format, options_.fields.text, start);
    if (!source.ok()) return source.status();
    if (start.offset > 0) {
      fmt::print(stderr, "{}: going on after line {}, where the last import stopped\n", file,
                 start.line);
    }
    file_ = file;
    failed_ += start.failed;
    const uint64_t failed_before = failed_ - start.failed;
    progress_ = std::make_unique<Progress>("points", (*source)->size());
    progress_->Update(start.offset, start.items);
    bool more = true;
    while (more) {
      std::vector<Pending> batch;
      more = ReadBatch(**source, items_before, batch);
      if (auto status = Write(batch); !status.ok()) return status;
      ImportPosition position = (*source)->position();
      position.failed = failed_ - failed_before;
      if (!identity_.empty()) resume.Save(identity_, position);
      progress_->Update(position.offset, position.items);
      if (Interrupted()) {
        progress_.reset();
        return absl::CancelledError("interrupted; the same command goes on from here");
      }
    }
    items_before += (*source)->position().items;
    progress_.reset();
    return absl::OkStatus();
  }

  // False at the end of the file.
  bool ReadBatch(ImportSource& source, uint64_t items_before, std::vector<Pending>& batch) {
    // Lines that fail count as well, so that a file of them stays interruptible.
    for (size_t lines = 0; lines < options_.batch; ++lines) {
      auto record = source.Next();
      absl::Status status = record.status();
      if (status.ok()) {
        const std::optional<Json>& line = *record;
        if (!line) return false;
        auto point = ToPoint(*line, options_.fields,
                             options_.first_id + items_before + source.position().items - 1);
        status = point.status();
        if (status.ok()) batch.push_back({source.record_line(), *std::move(point)});
      }
      if (!status.ok()) Fail(source.record_line(), status);
    }
    return true;
  }

  absl::Status Write(std::span<const Pending> batch) {
    if (batch.empty()) return absl::OkStatus();
    if (identity_.empty()) {
      auto status = target_->EnsureCollection(options_.collection, metric_, batch[0].point);
      if (!status.ok()) return status;
      auto identity = target_->CollectionIdentity(options_.collection);
      if (!identity.ok()) return identity.status();
      identity_ = *std::move(identity);
    }
    std::vector<Point> points;
    points.reserve(batch.size());
    for (const Pending& pending : batch) points.push_back(pending.point);
    auto written = target_->Upsert(options_.collection, points);
    if (written.ok()) {
      imported_ += batch.size();
      points_ += written->points;
      net::AddUsage(written->usage, usage_);
      return absl::OkStatus();
    }
    absl::Status status = written.status();
    if (status.code() != absl::StatusCode::kInvalidArgument) return status;
    if (batch.size() == 1) {
      Fail(batch[0].line, status);
      return absl::OkStatus();
    }
    // One bad point refuses the batch: find it by halves.
    const size_t half = batch.size() / 2;
    if (auto first = Write(batch.first(half)); !first.ok()) return first;
    return Write(batch.subspan(half));
  }

  void Fail(uint64_t line, const absl::Status& status) {
    const std::string message = Printable(std::string(status.message()));
    ++failed_;
    if (++shown_ <= kShownErrors) {
      progress_->Note(fmt::format("{}:{}: {}", file_, line, message));
      if (shown_ == kShownErrors) progress_->Note("further lines that fail are only counted");
    }
    if (errors_.is_open()) {
      errors_ << Json{{"file", file_}, {"line", line}, {"error", message}}.dump(
                     -1, ' ', false, Json::error_handler_t::replace)
              << '\n'
              << std::flush;
    }
  }

  const ImportOptions& options_;
  const Metric metric_;
  const std::unique_ptr<ImportTarget> target_;
  std::ofstream errors_;
  std::string file_;
  std::unique_ptr<Progress> progress_;  // of this file
  std::string identity_;                // the collection's; empty while there is none
  uint64_t imported_ = 0;               // lines
  uint64_t points_ = 0;
  std::vector<ModelUsage> usage_;
  uint64_t failed_ = 0;
  uint64_t shown_ = 0;
};

absl::Status Import(ImportOptions options) {
  auto metric = ParseMetric(options.distance);
  if (!metric.ok()) return metric.status();
  if (options.chunk_overlap > 0 && options.chunk_overlap >= options.chunk_tokens) {
    return absl::InvalidArgumentError(
        fmt::format("--chunk-overlap {}: expected less than --chunk-tokens, {}",
                    options.chunk_overlap, options.chunk_tokens));
  }
  options.fields.truncate = !options.no_truncate;
  if (options.chunk_tokens > 0) {
    options.fields.chunk = Chunking{options.chunk_tokens, options.chunk_overlap};
  }
  absl::StatusOr<std::unique_ptr<ImportTarget>> target = nullptr;
  const std::vector<std::string>& models = options.models.models;
  if (!models.empty()) options.fields.model = fs::path(models[0]).filename();
  if (options.data.empty()) {
    target = OpenServerTarget(options.url, options.api_key, options.fields.model);
  } else {
    target = OpenDirectoryTarget(options.data, options.models);
  }
  if (!target.ok()) return target.status();
  CatchInterrupts();  // looked at between two batches
  return Importer(options, *metric, *std::move(target)).Run();
}

}  // namespace

void AddImport(CLI::App& app, Command& command) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* import = app.add_subcommand(
      "import",
      "Import JSON lines, CSV or TSV into a collection; goes on where it was interrupted");
  auto* data = import->add_option("--data", options->data, "Data directory, without a server");
  auto* url =
      import->add_option("--url", options->url, "Server, for example http://127.0.0.1:6333");
  data->excludes(url);
  import->add_option("--collection", options->collection, "Made when it is missing")->required();
  import->add_option("files", options->files, "Files to import")
      ->required()
      ->check(CLI::ExistingFile);
  import->add_option("--format", options->format,
                     "jsonl, csv or tsv; default: by the file's ending");
  import
      ->add_option("--id-field", options->fields.id,
                   "Without it points are numbered from --first-id, and replace those that have "
                   "these numbers")
      ->capture_default_str();
  import->add_option("--text-field", options->fields.text)->capture_default_str();
  import->add_option("--vector-field", options->fields.vector)->capture_default_str();
  import->add_option("--payload-field", options->fields.payload,
                     "Object that becomes the payload; default: all fields but id and vector");
  import->add_option("--first-id", options->first_id, "First number where ids are missing")
      ->capture_default_str();
  import->add_option("--distance", options->distance, "Metric of a collection that is made")
      ->capture_default_str();
  import->add_option("--batch", options->batch, "Points a request")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  import
      ->add_option("--chunk-tokens", options->chunk_tokens,
                   "Cut every text into chunks of at most so many tokens, special tokens and "
                   "prefix included; each becomes a point that names its line's id in "
                   "payload.chunk.parent. Default: a text is one point, and cut when the model "
                   "can't read all of it")
      ->check(CLI::Range(1, 1 << 20));
  import
      ->add_option("--chunk-overlap", options->chunk_overlap,
                   "Tokens that the next chunk repeats; less than --chunk-tokens")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  import->add_flag("--no-truncate", options->no_truncate,
                   "Lines with a text longer than the model reads fail instead of being cut");
  options->models.AddTo(*import, url);
  import->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  import->add_option("--errors", options->errors_file,
                     "Write failed lines to this file, JSON lines");
  import->add_flag("--restart", options->restart, "Begin again instead of going on");
  import->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Import(*options); };
  });
}

}  // namespace vecnest::cli
