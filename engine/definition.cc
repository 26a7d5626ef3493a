#include "engine/definition.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "engine/json.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

constexpr int kMaxDimensions = 65536;
constexpr size_t kMaxSlots = 256;
constexpr size_t kMaxNameBytes = 255;

storage::CollectionId RandomId() {
  std::random_device device;
  storage::CollectionId id;
  for (size_t i = 0; i < id.size(); i += sizeof(uint32_t)) {
    const uint32_t word = device();
    std::memcpy(id.data() + i, &word, sizeof(word));
  }
  id[6] = static_cast<uint8_t>((id[6] & 0x0f) | 0x40);  // RFC 4122, version 4
  id[8] = static_cast<uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

absl::Status OutOfRange(std::string_view vector_name, std::string_view field, int64_t value,
                        int64_t low, int64_t high) {
  return absl::InvalidArgumentError(fmt::format("vector '{}': {} is {}, expected {} to {}",
                                                vector_name, field, value, low, high));
}

absl::Status Validate(std::string_view name, const VectorConfig& config) {
  if (!IsUtf8(name)) return absl::InvalidArgumentError("vector name: not valid UTF-8");
  if (config.size < 1 || config.size > kMaxDimensions) {
    return OutOfRange(name, "size", config.size, 1, kMaxDimensions);
  }
  if (config.hnsw.m < 2 || config.hnsw.m > 256) {
    return OutOfRange(name, "hnsw_config.m", config.hnsw.m, 2, 256);
  }
  if (config.hnsw.ef_construct < 4 || config.hnsw.ef_construct > 10000) {
    return OutOfRange(name, "hnsw_config.ef_construct", config.hnsw.ef_construct, 4, 10000);
  }
  return absl::OkStatus();
}

PointId AsUuid(const storage::CollectionId& id) {
  uint64_t halves[2] = {0, 0};
  for (size_t i = 0; i < id.size(); ++i) halves[i / 8] = halves[i / 8] << 8 | id[i];
  return PointId::Uuid(halves[0], halves[1]);
}

absl::StatusOr<storage::CollectionId> ParseId(const std::string& text) {
  auto uuid = PointId::Parse(text);
  if (!uuid.ok()) return uuid.status();
  storage::CollectionId id;
  for (size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<uint8_t>(uuid->high() >> (56 - 8 * i));
    id[8 + i] = static_cast<uint8_t>(uuid->low() >> (56 - 8 * i));
  }
  return id;
}

absl::StatusOr<SlotDefinition> DecodeSlot(const Json& json) {
  SlotDefinition slot;
  slot.name = json.at("name");
  slot.config.size = json.at("size");
  slot.config.hnsw.m = json.at("m");
  slot.config.hnsw.ef_construct = json.at("ef_construct");
  // Definitions made before there was a choice have no such member, nor the next ones.
  if (const auto name = json.find("datatype"); name != json.end()) {
    auto datatype = ParseVectorDatatype(name->get<std::string>());
    if (!datatype.ok()) return datatype.status();
    slot.config.datatype = *datatype;
  }
  if (const auto name = json.find("quantization"); name != json.end()) {
    auto quantization = ParseQuantization(name->get<std::string>());
    if (!quantization.ok()) return quantization.status();
    slot.config.quantization = *quantization;
  }
  slot.index_generation = json.value("index_generation", uint32_t{0});
  slot.adapted = json.value("adapted", false);
  slot.model = json.at("model");
  slot.model_identity = json.at("model_identity");
  auto metric = ParseMetric(json.at("metric").get<std::string>());
  if (!metric.ok()) return metric.status();
  slot.config.metric = *metric;
  return slot;
}

absl::StatusOr<Definition> DecodeFields(const Json& json) {
  Definition definition;
  definition.name = json.at("name");
  definition.metadata = json.at("metadata").dump();
  auto id = ParseId(json.at("uuid"));
  if (!id.ok()) return id.status();
  definition.id = *id;
  for (const Json& entry : json.at("vectors")) {
    auto slot = DecodeSlot(entry);
    if (!slot.ok()) return slot.status();
    definition.slots.push_back(*std::move(slot));
  }
  // Definitions made before there were payload indexes have no such member.
  if (const auto indexes = json.find("payload_indexes"); indexes != json.end()) {
    for (const auto& [field, entry] : indexes->items()) {
      auto type = ParsePayloadIndexType(entry.at("type").get<std::string>());
      if (!type.ok()) return type.status();
      definition.payload_indexes[field] = {*type, entry.at("params").dump()};
    }
  }
  return definition;
}

}  // namespace

absl::Status ValidateCollectionName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(fmt::format(
        "collection name: {} bytes long, expected 1 to {}", name.size(), kMaxNameBytes));
  }
  for (const char c : name) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control || std::strchr("/\\<>:\"|?*", c) != nullptr) {
      return absl::InvalidArgumentError(
          "collection name: contains a control character or one of / \\ < > : \" | ? *");
    }
  }
  if (!IsUtf8(name)) return absl::InvalidArgumentError("collection name: not valid UTF-8");
  if (name == "." || name == "..") {
    return absl::InvalidArgumentError("collection name: '.' and '..' are not allowed");
  }
  return absl::OkStatus();
}

absl::StatusOr<Definition> Definition::Create(const std::string& name,
                                              const CollectionConfig& config) {
  if (auto status = ValidateCollectionName(name); !status.ok()) return status;
  if (config.vectors.size() > kMaxSlots) {
    return absl::InvalidArgumentError(fmt::format("vectors: {} named vectors, expected at most {}",
                                                  config.vectors.size(), kMaxSlots));
  }
  Definition definition;
  definition.name = name;
  definition.id = RandomId();
  auto metadata = ParseJsonObject(config.metadata, "metadata");
  if (!metadata.ok()) return metadata.status();
  definition.metadata = metadata->dump();
  for (const auto& [vector_name, vector] : config.vectors) {
    if (auto status = Validate(vector_name, vector); !status.ok()) return status;
    definition.slots.push_back({.name = vector_name, .config = vector});
  }
  return definition;
}

std::optional<Slot> Definition::FindSlot(std::string_view vector_name) const {
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].name == vector_name) return static_cast<Slot>(i);
  }
  return std::nullopt;
}

absl::StatusOr<Slot> Definition::RequireSlot(std::string_view vector_name) const {
  if (auto slot = FindSlot(vector_name)) return *slot;
  std::string names;
  for (const SlotDefinition& slot : slots) {
    if (!names.empty()) names += ", ";
    names += slot.name.empty() ? "the unnamed one" : fmt::format("'{}'", slot.name);
  }
  if (names.empty()) names = "none";
  return absl::InvalidArgumentError(
      fmt::format("Not existing vector name error: collection '{}' has no vector named '{}'; "
                  "its vectors: {}",
                  name, vector_name, names));
}

std::string Definition::Encode() const {
  Json json = {{"name", name},
               {"uuid", uuid()},
               {"metadata", Json::parse(metadata)},
               {"vectors", Json::array()}};
  for (const SlotDefinition& slot : slots) {
    json["vectors"].push_back({{"name", slot.name},
                               {"size", slot.config.size},
                               {"m", slot.config.hnsw.m},
                               {"ef_construct", slot.config.hnsw.ef_construct},
                               {"datatype", VectorDatatypeName(slot.config.datatype)},
                               {"quantization", QuantizationName(slot.config.quantization)},
                               {"metric", MetricName(slot.config.metric)},
                               // Earlier programs ask for it.
                               {"graph_metric", MetricName(slot.config.metric)},
                               {"index_generation", slot.index_generation},
                               {"adapted", slot.adapted},
                               {"model", slot.model},
                               {"model_identity", slot.model_identity}});
  }
  for (const auto& [field, index] : payload_indexes) {
    json["payload_indexes"][field] = {{"type", PayloadIndexTypeName(index.type)},
                                      {"params", Json::parse(index.params)}};
  }
  return json.dump();
}

absl::StatusOr<Definition> Definition::Decode(std::string_view bytes) {
  try {
    auto definition = DecodeFields(Json::parse(bytes));
    if (definition.ok()) return definition;
    return absl::DataLossError(
        fmt::format("collection record: {}", std::string(definition.status().message())));
  } catch (const Json::exception& error) {
    return absl::DataLossError(fmt::format("collection record: {}", error.what()));
  }
}

CollectionConfig Definition::config() const {
  CollectionConfig config;
  config.metadata = metadata;
  for (const SlotDefinition& slot : slots) config.vectors[slot.name] = slot.config;
  return config;
}

std::string Definition::uuid() const { return AsUuid(id).ToString(); }

}  // namespace vecnest::engine
