#include "net/bulk_import.h"

#include <utility>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_points.h"

namespace vecnest::net {
namespace {

constexpr size_t kMaxLineBytes = size_t{16} << 20;
constexpr size_t kBatchLines = 512;
constexpr size_t kBatchBytes = size_t{8} << 20;
constexpr uint64_t kMaxReportedLines = 10'000;

constexpr size_t kMaxReportedIds = 100;

// A parameter's text as JSON, so that it is checked as a member of a text object is.
Json ToJson(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_number() || json.is_boolean() ? json : Json(text);
}

}  // namespace

absl::StatusOr<BulkOptions> ReadBulkOptions(const std::map<std::string, std::string>& query) {
  BulkOptions options;
  absl::Status status;
  Json chunk = Json::object();
  for (const char* name : {"max_tokens", "overlap"}) {
    const auto found = query.find(fmt::format("chunk_{}", name));
    if (found != query.end()) chunk[name] = ToJson(found->second);
  }
  if (!chunk.empty()) options.chunk = ReadChunking(chunk, "chunk", status);
  if (const auto found = query.find("truncate"); found != query.end()) {
    const Json value = {{"truncate", ToJson(found->second)}};
    options.truncate = JsonFields(value, "", status).Bool("truncate").value_or(true);
  }
  if (!status.ok()) return status;
  return options;
}

BulkImport::BulkImport(std::shared_ptr<Database> database, std::string collection,
                       const BulkOptions& options, std::stop_token stop)
    : database_(std::move(database)),
      collection_(std::move(collection)),
      options_(options),
      stop_(std::move(stop)) {}

void BulkImport::Feed(std::string_view part) {
  while (!part.empty()) {
    const size_t end = part.find('\n');
    const std::string_view piece = part.substr(0, end);
    if (!skipping_) partial_.append(piece);
    if (!skipping_ && partial_.size() > kMaxLineBytes) {
      Fail(line_ + 1, absl::InvalidArgumentError(
                          fmt::format("the line is longer than {} bytes", kMaxLineBytes)));
      partial_.clear();
      skipping_ = true;
    }
    if (end == std::string_view::npos) return;
    ++line_;
    if (!skipping_) TakeLine(partial_);
    partial_.clear();
    skipping_ = false;
    part.remove_prefix(end + 1);
  }
}

void BulkImport::TakeLine(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  auto json = engine::ParseJson(line, "line", kPackedInPoints);
  absl::Status status = json.status();
  Point point;
  if (status.ok()) point = ReadBulkLine(*json, status);
  if (!status.ok()) {
    Fail(line_, status);
    return;
  }
  ApplyOptions(point);
  pending_.push_back({line_, std::move(point)});
  pending_bytes_ += line.size();
  if (pending_.size() >= kBatchLines || pending_bytes_ >= kBatchBytes) Flush();
}

void BulkImport::ApplyOptions(Point& point) const {
  for (auto& [name, input] : point.vectors) {
    auto* text = std::get_if<Text>(&input);
    if (text == nullptr) continue;
    if (!text->chunk) text->chunk = options_.chunk;
    if (!options_.truncate) text->truncate = false;
  }
}

void BulkImport::Count(const WriteResult& result) {
  points_ += result.affected - result.removed_chunks;
  AddUsage(result.usage, usage_);
  truncated_ += result.truncated.size();
  for (const PointId& id : result.truncated) {
    if (truncated_ids_.size() < kMaxReportedIds) truncated_ids_.push_back(WritePointId(id));
  }
}

void BulkImport::Flush() {
  std::vector<Point> points;
  points.reserve(pending_.size());
  for (const Pending& pending : pending_) points.push_back(pending.point);
  WriteOptions options;
  options.durability = Durability::kBuffered;
  options.limits.stop = stop_;
  const auto result = database_->Upsert(collection_, std::move(points), options);
  if (result.ok()) {
    imported_ += pending_.size();
    Count(*result);
  } else if (absl::IsCancelled(result.status())) {
    stopped_ = true;
  } else {
    // One bad point refuses the batch: find out which.
    for (Pending& pending : pending_) {
      const auto single = database_->Upsert(collection_, {std::move(pending.point)}, options);
      if (single.ok()) {
        ++imported_;
        Count(*single);
      } else if (absl::IsCancelled(single.status())) {
        stopped_ = true;
        break;
      } else {
        Fail(pending.line, single.status());
      }
    }
  }
  pending_.clear();
  pending_bytes_ = 0;
}

void BulkImport::Fail(uint64_t line, const absl::Status& status) {
  if (++failed_ > kMaxReportedLines) return;
  report_ += Json{{"line", line}, {"error", std::string(status.message())}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  report_ += '\n';
}

Response BulkImport::Finish() {
  if (!partial_.empty() && !skipping_) {
    ++line_;
    TakeLine(partial_);
  }
  if (!pending_.empty()) Flush();
  // An empty write with full durability makes everything before it durable.
  const auto synced = database_->Upsert(collection_, {}, {.durability = Durability::kSynced});
  Json summary = {{"imported", imported_}, {"failed", failed_}};
  if (!usage_.empty()) {
    summary["points"] = points_;
    summary["tokens"] = tokens();
    summary["truncated"] = truncated_;
    summary["truncated_ids"] = std::move(truncated_ids_);
    summary["usage"] = WriteUsage(usage_);
    LogTruncated(fmt::format("bulk import into collection '{}'", collection_), usage_);
  }
  if (failed_ > kMaxReportedLines) summary["not_listed"] = failed_ - kMaxReportedLines;
  summary["status"] = synced.ok() ? (failed_ == 0 ? "ok" : "some lines failed")
                                  : std::string(synced.status().message());
  Response response;
  response.content_type = "application/x-ndjson";
  response.status = synced.ok() ? (failed_ == 0 ? 200 : 207) : 500;
  response.body = report_ + summary.dump() + '\n';
  return response;
}

}  // namespace vecnest::net
