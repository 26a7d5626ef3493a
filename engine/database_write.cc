// The writes of the database.

#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/chunks.h"
#include "engine/database_impl.h"
#include "engine/payload.h"
#include "engine/vector_check.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// Writes the change that `make` gives for each point the selector means, all in one batch.
absl::StatusOr<WriteResult> ChangeSelected(
    Shard& shard, const PointSelector& selector,
    absl::FunctionRef<absl::StatusOr<PointChange>(const StoredPoint&)> make,
    const WriteOptions& options) {
  return shard.Write(
      [&]() -> absl::StatusOr<std::vector<PointChange>> {
        auto selected = shard.Select(selector, options.limits);
        if (!selected.ok()) return selected.status();
        std::vector<PointChange> changes;
        changes.reserve(selected->size());
        for (const StoredPoint& point : *selected) {
          auto change = make(point);
          if (!change.ok()) return change.status();
          changes.push_back(*std::move(change));
        }
        return changes;
      },
      {}, options.durability);
}

}  // namespace

absl::StatusOr<WriteResult> DatabaseImpl::WriteVectors(Shard& shard,
                                                       std::vector<PointChange> changes,
                                                       const std::vector<NamedInputs*>& inputs,
                                                       Complete complete,
                                                       const WriteOptions& options) {
  const auto definition = shard.definition();
  TextBatch texts(*models_, *definition);
  struct Pending {
    size_t change;
    size_t vector;
  };
  std::vector<Pending> pending;  // by ticket
  const auto name = [&](size_t change, Slot slot) {
    return fmt::format("point {}, vector '{}'", ToPointId(changes[change].key).ToString(),
                       definition->slots[slot].name);
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    for (auto& [vector_name, input] : *inputs[i]) {
      auto slot = definition->RequireSlot(vector_name);
      if (!slot.ok()) return slot.status();
      VectorWrite write{*slot, std::nullopt, std::nullopt, {}};
      if (auto* text = std::get_if<Text>(&input)) {
        auto ticket = texts.Add(*text, *slot, TextType::kDocument);
        if (!ticket.ok()) {
          if (!text->chunk) return ticket.status();
          return absl::InvalidArgumentError(
              fmt::format("{}: {}", name(i, *slot), std::string(ticket.status().message())));
        }
        pending.push_back({i, changes[i].vectors.size()});
        write.text = text->text;
        write.prefix = text->prefix;
      } else {
        write.vector = std::move(std::get<std::vector<float>>(input));
        auto status =
            CheckVector(ToPointId(changes[i].key), definition->slots[*slot], write.vector);
        if (!status.ok()) return status;
      }
      changes[i].vectors.push_back(std::move(write));
    }
  }
  const auto name_text = [&](size_t ticket) {
    const auto [change, vector] = pending[ticket];
    return name(change, changes[change].vectors[vector].slot);
  };
  // Somebody waits for a single text; of many it is an import.
  const auto priority = texts.size() == 1 ? embedder::Priority::kUrgent : embedder::Priority::kBulk;
  if (auto status = texts.Run(name_text, priority, options.limits); !status.ok()) return status;
  WriteResult usage;
  for (size_t ticket = 0; ticket < pending.size(); ++ticket) {
    const auto [change, vector] = pending[ticket];
    const embedder::Encoding& encoding = texts.result(ticket);
    changes[change].vectors[vector].vector = encoding.vector;
    usage.tokens += static_cast<uint64_t>(encoding.tokens);
    if (encoding.truncated) usage.truncated.push_back(ToPointId(changes[change].key));
  }
  usage.usage = texts.Usage();
  if (auto status = shard.AwaitGraphs(changes.size(), options.limits); !status.ok()) return status;
  auto result = shard.Write(
      [&]() -> absl::StatusOr<std::vector<PointChange>> {
        if (auto refused = complete(changes); !refused.ok()) return refused;
        return std::move(changes);
      },
      texts.bindings(), options.durability);
  if (!result.ok()) return result.status();
  usage.sequence = result->sequence;
  usage.affected = result->affected;
  return usage;
}

absl::StatusOr<WriteResult> DatabaseImpl::Upsert(const std::string& collection,
                                                 std::vector<Point> points,
                                                 const WriteOptions& options) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  const auto definition = (*shard)->definition();
  auto expanded = ExpandDocuments(std::move(points), TextBatch(*models_, *definition), *definition,
                                  options.limits);
  if (!expanded.ok()) return expanded.status();
  std::vector<PointChange> changes;
  std::vector<NamedInputs*> inputs;
  for (Point& point : expanded->points) {
    auto payload =
        ParseJsonObject(point.payload, fmt::format("payload of point {}", point.id.ToString()));
    if (!payload.ok()) return payload.status();
    PointChange change;
    change.key = ToStorageKey(point.id);
    change.kind = PointChange::Kind::kReplace;
    change.payload = payload->dump();
    changes.push_back(std::move(change));
    inputs.push_back(&point.vectors);
  }
  uint64_t removed = 0;
  const auto complete = [&](std::vector<PointChange>& written) -> absl::Status {
    auto former = FormerChunks(**shard, expanded->texts, written);
    if (!former.ok()) return former.status();
    removed = former->size();
    std::move(former->begin(), former->end(), std::back_inserter(written));
    return absl::OkStatus();
  };
  auto result = WriteVectors(**shard, std::move(changes), inputs, complete, options);
  maintainer_->Notify(*shard);
  if (!result.ok()) return result.status();
  result->chunks = expanded->chunks;
  result->removed_chunks = removed;
  return result;
}

absl::StatusOr<WriteResult> DatabaseImpl::UpdateVectors(
    const std::string& collection, std::vector<std::pair<PointId, NamedInputs>> vectors,
    const WriteOptions& options) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  // The same point may come several times with different vectors.
  std::map<PointId, NamedInputs> merged;
  for (auto& [id, inputs] : vectors) {
    for (auto& [name, input] : inputs) merged[id][name] = std::move(input);
  }
  std::vector<PointChange> changes;
  std::vector<NamedInputs*> inputs;
  std::vector<PointId> ids;
  for (auto& [id, named] : merged) {
    PointChange change;
    change.key = ToStorageKey(id);
    change.kind = PointChange::Kind::kPatch;
    changes.push_back(std::move(change));
    inputs.push_back(&named);
    ids.push_back(id);
  }
  const auto all_exist = [&](const std::vector<PointChange>&) -> absl::Status {
    auto existing = (*shard)->Read(ids);
    if (!existing.ok()) return existing.status();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i == existing->size() || (*existing)[i].id != ids[i]) {
        return absl::NotFoundError(fmt::format("No point with id {} found", ids[i].ToString()));
      }
    }
    return absl::OkStatus();
  };
  auto result = WriteVectors(**shard, std::move(changes), inputs, all_exist, options);
  maintainer_->Notify(*shard);
  return result;
}

absl::StatusOr<WriteResult> DatabaseImpl::DeleteVectors(const std::string& collection,
                                                        const PointSelector& points,
                                                        const std::vector<std::string>& names,
                                                        const WriteOptions& options) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  std::vector<Slot> slots;
  for (const std::string& name : names) {
    auto slot = (*shard)->definition()->RequireSlot(name);
    if (!slot.ok()) return slot.status();
    slots.push_back(*slot);
  }
  auto result = ChangeSelected(
      **shard, points,
      [&](const StoredPoint& point) -> absl::StatusOr<PointChange> {
        return PointChange{ToStorageKey(point.id), PointChange::Kind::kPatch, {}, {}, slots};
      },
      options);
  maintainer_->Notify(*shard);
  return result;
}

absl::StatusOr<WriteResult> DatabaseImpl::Delete(const std::string& collection,
                                                 const PointSelector& points,
                                                 const WriteOptions& options) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto result = ChangeSelected(
      **shard, points,
      [](const StoredPoint& point) -> absl::StatusOr<PointChange> {
        return PointChange{ToStorageKey(point.id), PointChange::Kind::kDelete, {}, {}, {}};
      },
      options);
  maintainer_->Notify(*shard);
  return result;
}

absl::StatusOr<WriteResult> DatabaseImpl::EditPayload(const std::string& collection,
                                                      const PointSelector& points, PayloadEdit edit,
                                                      const WriteOptions& options) {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto result = ChangeSelected(
      **shard, points,
      [&](const StoredPoint& point) -> absl::StatusOr<PointChange> {
        auto payload = ParseJsonObject(point.record.payload, "stored payload");
        if (!payload.ok()) return payload.status();
        edit(*payload);
        std::string edited = payload->dump();
        // A path can make the payload deeper than what would be accepted whole, or read again.
        if (auto status = ParseJson(edited, "payload after the change").status(); !status.ok()) {
          return status;
        }
        return PointChange{
            ToStorageKey(point.id), PointChange::Kind::kPatch, std::move(edited), {}, {}};
      },
      options);
  maintainer_->Notify(*shard);
  return result;
}

absl::StatusOr<WriteResult> DatabaseImpl::SetPayload(const std::string& collection,
                                                     const PointSelector& points,
                                                     const std::string& payload,
                                                     PayloadChange change, const std::string& key,
                                                     const WriteOptions& options) {
  auto values = ParseJsonObject(payload, "payload");
  if (!values.ok()) return values.status();
  std::optional<PayloadPath> path;
  if (!key.empty()) {
    auto parsed = PayloadPath::Parse(key);
    if (!parsed.ok()) return parsed.status();
    path = *std::move(parsed);
  }
  return EditPayload(
      collection, points,
      [&](Json& stored) {
        if (change == PayloadChange::kOverwrite) {
          stored = *values;
        } else if (path) {
          path->Merge(stored, *values);
        } else {
          stored.update(*values);
        }
      },
      options);
}

absl::StatusOr<WriteResult> DatabaseImpl::DeletePayloadKeys(const std::string& collection,
                                                            const PointSelector& points,
                                                            const std::vector<std::string>& keys,
                                                            const WriteOptions& options) {
  std::vector<PayloadPath> paths;
  for (const std::string& key : keys) {
    auto path = PayloadPath::Parse(key);
    if (!path.ok()) return path.status();
    paths.push_back(*std::move(path));
  }
  return EditPayload(
      collection, points,
      [&](Json& stored) {
        for (const PayloadPath& path : paths) path.Remove(stored);
      },
      options);
}

absl::StatusOr<WriteResult> DatabaseImpl::ClearPayload(const std::string& collection,
                                                       const PointSelector& points,
                                                       const WriteOptions& options) {
  return EditPayload(collection, points, [](Json& stored) { stored = Json::object(); }, options);
}

}  // namespace vecnest::engine
