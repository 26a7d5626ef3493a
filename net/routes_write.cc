// Routes that change points.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "net/codec_points.h"
#include "net/codec_usage.h"
#include "net/service.h"

namespace vecnest::net {
namespace {

struct Write {
  Database& database;
  const std::string& collection;
  WriteOptions options;
};

// Reads one operation from JSON into an engine call, which is made later, once: of several
// operations none is begun before all are read. `path` is where the JSON stands in the request.
using Call = std::function<absl::StatusOr<WriteResult>(const Write&)>;
using Operation = absl::StatusOr<Call> (*)(const Json&, std::string_view path);

absl::StatusOr<Call> Upsert(const Json& json, std::string_view path) {
  absl::Status status;
  auto points = ReadUpsert(json, path, status);
  if (!status.ok()) return status;
  return [points = std::move(points)](const Write& write) mutable {
    return write.database.Upsert(write.collection, std::move(points), write.options);
  };
}

absl::StatusOr<Call> Delete(const Json& json, std::string_view path) {
  absl::Status status;
  JsonFields fields(json, std::string(path), status);
  const PointSelector selector = ReadSelector(fields);
  fields.Finish();
  if (!status.ok()) return status;
  return [selector](const Write& write) {
    return write.database.Delete(write.collection, selector, write.options);
  };
}

absl::StatusOr<Call> UpdateVectors(const Json& json, std::string_view path) {
  absl::Status status;
  auto updates = ReadVectorUpdate(json, path, status);
  if (!status.ok()) return status;
  return [updates = std::move(updates)](const Write& write) mutable {
    return write.database.UpdateVectors(write.collection, std::move(updates), write.options);
  };
}

absl::StatusOr<Call> DeleteVectors(const Json& json, std::string_view path) {
  absl::Status status;
  const KeyRemoval removal = ReadKeyRemoval(json, "vector", path, status);
  if (!status.ok()) return status;
  return [removal](const Write& write) {
    return write.database.DeleteVectors(write.collection, removal.points, removal.keys,
                                        write.options);
  };
}

template <PayloadChange change>
absl::StatusOr<Call> SetPayload(const Json& json, std::string_view path) {
  absl::Status status;
  const PayloadUpdate update = ReadPayloadUpdate(json, path, status);
  if (!status.ok()) return status;
  return [update](const Write& write) {
    return write.database.SetPayload(write.collection, update.points, update.payload, change,
                                     update.key, write.options);
  };
}

absl::StatusOr<Call> DeletePayload(const Json& json, std::string_view path) {
  absl::Status status;
  const KeyRemoval removal = ReadKeyRemoval(json, "keys", path, status);
  if (!status.ok()) return status;
  return [removal](const Write& write) {
    return write.database.DeletePayloadKeys(write.collection, removal.points, removal.keys,
                                            write.options);
  };
}

absl::StatusOr<Call> ClearPayload(const Json& json, std::string_view path) {
  absl::Status status;
  JsonFields fields(json, std::string(path), status);
  const PointSelector selector = ReadSelector(fields);
  fields.Finish();
  if (!status.ok()) return status;
  return [selector](const Write& write) {
    return write.database.ClearPayload(write.collection, selector, write.options);
  };
}

// Operations by their names in a batch update.
const std::map<std::string, Operation, std::less<>>& Operations() {
  static const auto& operations = *new std::map<std::string, Operation, std::less<>>{
      {"upsert", Upsert},
      {"delete", Delete},
      {"update_vectors", UpdateVectors},
      {"delete_vectors", DeleteVectors},
      {"set_payload", SetPayload<PayloadChange::kMerge>},
      {"overwrite_payload", SetPayload<PayloadChange::kOverwrite>},
      {"delete_payload", DeletePayload},
      {"clear_payload", ClearPayload}};
  return operations;
}

absl::StatusOr<bool> ReadWait(const Request& request) {
  const auto found = request.query.find("wait");
  if (found == request.query.end() || found->second == "false") return false;
  if (found->second == "true" || found->second.empty()) return true;
  return absl::InvalidArgumentError(
      fmt::format("wait: expected true or false, got '{}'", found->second));
}

// Everything an operation's route needs before the operation itself.
absl::StatusOr<Write> Prepare(Database& database, const Request& request, bool& wait) {
  auto read = ReadWait(request);
  if (!read.ok()) return read.status();
  wait = *read;
  Write write{database, CollectionOf(request), {}};
  write.options.limits = request.limits;
  write.options.durability = wait ? Durability::kSynced : Durability::kBuffered;
  return write;
}

std::string NameOf(const Write& write) { return fmt::format("collection '{}'", write.collection); }

}  // namespace

void Service::AddWriteRoutes(std::vector<Route>& routes) {
  Route bulk;
  bulk.method = "POST";
  bulk.pattern = "/collections/{collection}/points/bulk";
  bulk.lane = Lane::kWrite;
  bulk.streamed = true;
  routes.push_back(std::move(bulk));

  const auto add = [&](const char* method, const char* suffix, Operation operation) {
    routes.push_back(Enveloped(
        method, std::string("/collections/{collection}/points") + suffix, Lane::kWrite,
        [operation](Database& database, const Request& request) -> absl::StatusOr<Result> {
          bool wait = false;
          auto write = Prepare(database, request, wait);
          if (!write.ok()) return write.status();
          auto body = engine::ParseJson(request.body, "request body", kPackedInPoints);
          if (!body.ok()) return body.status();
          auto call = operation(*body, "");
          if (!call.ok()) return call.status();
          auto result = (*call)(*write);
          if (!result.ok()) return result.status();
          LogTruncated(NameOf(*write), result->usage);
          return Result{WriteUpdateResult(*result, wait), std::move(result->usage)};
        }));
  };
  add("PUT", "", Upsert);
  add("POST", "/delete", Delete);
  add("PUT", "/vectors", UpdateVectors);
  add("POST", "/vectors/delete", DeleteVectors);
  add("POST", "/payload", SetPayload<PayloadChange::kMerge>);
  add("PUT", "/payload", SetPayload<PayloadChange::kOverwrite>);
  add("POST", "/payload/delete", DeletePayload);
  add("POST", "/payload/clear", ClearPayload);

  routes.push_back(Enveloped(
      "POST", "/collections/{collection}/points/batch", Lane::kWrite,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        bool wait = false;
        auto write = Prepare(database, request, wait);
        if (!write.ok()) return write.status();
        auto body = engine::ParseJson(request.body, "request body", kPackedInPoints);
        if (!body.ok()) return body.status();
        absl::Status status;
        JsonFields fields(*body, "", status);
        const Json* list = fields.Require("operations");
        fields.Finish();
        if (status.ok() && !list->is_array()) status = WrongType("operations", "a list", *list);
        if (!status.ok()) return status;
        std::vector<Call> calls;
        calls.reserve(list->size());
        for (const Json& entry : *list) {
          const std::string path = ElementPath("operations", calls.size());
          const bool single = entry.is_object() && entry.size() == 1;
          const auto known = single ? Operations().find(entry.begin().key()) : Operations().end();
          if (known == Operations().end()) {
            return absl::InvalidArgumentError(fmt::format(
                "{}: expected an object with one operation, such as upsert or delete", path));
          }
          auto call = known->second(entry.begin().value(), MemberPath(path, known->first));
          if (!call.ok()) return call.status();
          calls.push_back(*std::move(call));
        }
        Json results = Json::array();
        std::vector<ModelUsage> usage;
        for (const Call& call : calls) {
          auto result = call(*write);
          if (!result.ok()) {
            return absl::Status(result.status().code(),
                                fmt::format("{} (the operations before it are done): {}",
                                            ElementPath("operations", results.size()),
                                            std::string(result.status().message())));
          }
          AddUsage(result->usage, usage);
          // Something has taken effect: the rest is not to be lost to a client that leaves. The
          // deadline is another thing: who sets one is told how far the batch has come.
          if (result->affected > 0) write->options.limits.stop = {};
          results.push_back(WriteUpdateResult(*result, wait));
        }
        LogTruncated(NameOf(*write), usage);
        return Result{std::move(results), std::move(usage)};
      }));
}

}  // namespace vecnest::net
