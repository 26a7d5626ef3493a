// vecnest import: files into a collection, resumable, with an error a line.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/import_source.h"
#include "net/cli/import_target.h"
#include "net/cli/progress.h"

namespace vecnest::cli {
namespace {

namespace fs = std::filesystem;
using engine::Json;

constexpr uint64_t kShownErrors = 20;
volatile std::sig_atomic_t g_interrupted = 0;

struct ImportOptions {
  std::string data;
  std::string url;
  std::string api_key;
  std::string collection;
  std::vector<std::string> files;
  std::vector<std::string> models;
  FieldNames fields;
  std::string format;
  std::string distance = "Cosine";
  std::string errors_file;
  uint64_t first_id = 1;
  size_t batch = 256;
  int threads = 0;
  bool restart = false;
};

// Remembers how far a file has got, under a name made of what was imported where.
class Resume {
 public:
  Resume(const ImportOptions& options, const std::string& file) {
    std::error_code error;
    const fs::path absolute = fs::absolute(file, error);
    const auto modified = fs::last_write_time(file, error).time_since_epoch().count();
    key_ = fmt::format("{}\n{}\n{}\n{}\n{}", options.url, options.collection, absolute.string(),
                       fs::file_size(file, error), modified);
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

  ImportPosition Load() const {
    std::ifstream stream(path_);
    const Json json = Json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || json.value("key", "") != key_) return {};
    return {json.value("offset", uint64_t{0}), json.value("line", uint64_t{0}),
            json.value("items", uint64_t{0})};
  }

  void Save(const ImportPosition& position) const {
    const fs::path part = path_.string() + ".part";
    std::ofstream(part) << Json{
        {"key", key_},
        {"offset", position.offset},
        {"line", position.line},
        {"items",
         position.items}}.dump();
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

class Importer {
 public:
  Importer(const ImportOptions& options, Metric metric, std::unique_ptr<ImportTarget> target)
      : options_(options), metric_(metric), target_(std::move(target)) {
    if (!options.errors_file.empty()) errors_.open(options.errors_file);
  }

  absl::Status Run() {
    uint64_t items_before = 0;
    for (const std::string& file : options_.files) {
      if (auto status = ImportFile(file, items_before); !status.ok()) return status;
    }
    if (ready_) {
      if (auto status = target_->Finish(options_.collection); !status.ok()) return status;
    }
    for (const std::string& file : options_.files) Resume(options_, file).Remove();
    fmt::print(stderr, "{} points imported, {} lines failed\n", imported_, failed_);
    if (failed_ == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format("{} lines were not imported", failed_));
  }

 private:
  struct Pending {
    uint64_t line;
    Point point;
  };

  absl::Status ImportFile(const std::string& file, uint64_t& items_before) {
    const Resume resume(options_, file);
    ImportPosition start;
    if (!options_.restart) start = resume.Load();
    auto source = ImportSource::Open(file, options_.format, start);
    if (!source.ok()) return source.status();
    if (start.offset > 0) {
      fmt::print(stderr, "{}: going on after line {}, where the last import stopped\n", file,
                 start.line);
    }
    Progress progress("points", (*source)->size());
    progress.Update(start.offset, start.items);
    bool more = true;
    while (more) {
      std::vector<Pending> batch;
      while (batch.size() < options_.batch) {
        auto record = (*source)->Next();
        const ImportPosition& position = (*source)->position();
        if (record.ok() && !*record) {
          more = false;
          break;
        }
        absl::Status status = record.status();
        if (status.ok()) {
          auto point = ToPoint(**record, options_.fields,
                               options_.first_id + items_before + position.items - 1);
          status = point.status();
          if (status.ok()) batch.push_back({position.line, *std::move(point)});
        }
        if (!status.ok()) Fail(file, position.line, status);
      }
      if (auto status = Write(file, batch); !status.ok()) return status;
      resume.Save((*source)->position());
      progress.Update((*source)->position().offset, (*source)->position().items);
      if (g_interrupted != 0) {
        progress.Finish();
        return absl::CancelledError("interrupted; the same command goes on from here");
      }
    }
    items_before += (*source)->position().items;
    return absl::OkStatus();
  }

  absl::Status Write(const std::string& file, std::vector<Pending>& batch) {
    if (batch.empty()) return absl::OkStatus();
    if (!ready_) {
      auto status = target_->EnsureCollection(options_.collection, metric_, batch[0].point);
      if (!status.ok()) return status;
      ready_ = true;
    }
    std::vector<Point> points;
    for (const Pending& pending : batch) points.push_back(pending.point);
    const absl::Status status = target_->Upsert(options_.collection, points);
    if (status.ok()) {
      imported_ += batch.size();
      return absl::OkStatus();
    }
    if (status.code() != absl::StatusCode::kInvalidArgument) return status;
    // One bad point refuses the batch: find out which.
    for (const Pending& pending : batch) {
      const absl::Status single = target_->Upsert(options_.collection, {pending.point});
      if (single.ok()) {
        ++imported_;
      } else if (single.code() == absl::StatusCode::kInvalidArgument) {
        Fail(file, pending.line, single);
      } else {
        return single;
      }
    }
    return absl::OkStatus();
  }

  void Fail(const std::string& file, uint64_t line, const absl::Status& status) {
    const std::string message(status.message());
    if (++failed_ <= kShownErrors) fmt::print(stderr, "\n{}:{}: {}\n", file, line, message);
    if (failed_ == kShownErrors) fmt::print(stderr, "further lines are only counted\n");
    if (errors_.is_open()) {
      errors_ << Json{{"file", file}, {"line", line}, {"error", message}}.dump(
                     -1, ' ', false, Json::error_handler_t::replace)
              << '\n';
    }
  }

  const ImportOptions& options_;
  const Metric metric_;
  const std::unique_ptr<ImportTarget> target_;
  std::ofstream errors_;
  bool ready_ = false;  // the collection is there
  uint64_t imported_ = 0;
  uint64_t failed_ = 0;
};

absl::Status Import(ImportOptions options) {
  auto metric = ParseMetric(options.distance);
  if (!metric.ok()) return metric.status();
  absl::StatusOr<std::unique_ptr<ImportTarget>> target = nullptr;
  if (!options.models.empty()) options.fields.model = fs::path(options.models[0]).filename();
  if (options.data.empty()) {
    target = OpenServerTarget(options.url, options.api_key, options.fields.model);
  } else {
    auto models = ChooseModels(options.models, /*required=*/false);
    if (!models.ok()) return models.status();
    target = OpenDirectoryTarget(options.data, *models, options.threads);
  }
  if (!target.ok()) return target.status();
  std::signal(SIGINT, [](int) { g_interrupted = 1; });
  std::signal(SIGTERM, [](int) { g_interrupted = 1; });
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
  import->add_option("--id-field", options->fields.id, "Without it points are numbered")
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
  import->add_option("--model", options->models, "Model name or directory for texts");
  import->add_option("--api-key", options->api_key)->envname("VECNEST_API_KEY");
  import->add_option("--threads", options->threads, "For encoding, with --data; 0: one per core");
  import->add_option("--errors", options->errors_file,
                     "Write failed lines to this file, JSON lines");
  import->add_flag("--restart", options->restart, "Begin again instead of going on");
  import->callback([options, data, url, &command] {
    if (data->empty() && url->empty()) throw CLI::RequiredError("--data or --url");
    command = [options] { return Import(*options); };
  });
}

}  // namespace vecnest::cli
