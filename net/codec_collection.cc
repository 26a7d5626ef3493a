#include "net/codec_collection.h"

#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "net/codec_index.h"

namespace vecnest::net {
namespace {

constexpr int64_t kMaxInt = 1 << 30;

std::optional<Metric> ReadMetric(JsonFields& fields, std::string_view name) {
  const auto text = fields.String(name);
  if (!text) return std::nullopt;
  auto metric = ParseMetric(*text);
  if (metric.ok()) return *metric;
  fields.status().Update(absl::InvalidArgumentError(
      fmt::format("{}: {}", fields.PathOf(name), std::string(metric.status().message()))));
  return std::nullopt;
}

void ReadHnsw(const Json* value, const std::string& path, HnswConfig& config,
              absl::Status& status) {
  if (value == nullptr) return;
  JsonFields fields(*value, path, status);
  if (const auto m = fields.Integer("m", 0, kMaxInt)) config.m = static_cast<int>(*m);
  if (const auto ef = fields.Integer("ef_construct", 0, kMaxInt)) {
    config.ef_construct = static_cast<int>(*ef);
  }
  fields.Ignore(
      {"full_scan_threshold", "max_indexing_threads", "on_disk", "payload_m", "inline_storage"});
  fields.Finish();
}

VectorDatatype ReadDatatype(const std::string& name, const std::string& path,
                            absl::Status& status) {
  // Numbers of 8 bits are numbers of f32.
  if (name == "uint8") return VectorDatatype::kFloat32;
  auto datatype = ParseVectorDatatype(name);
  if (datatype.ok()) return *datatype;
  status.Update(absl::InvalidArgumentError(
      fmt::format("{}: {}", path, std::string(datatype.status().message()))));
  return VectorDatatype::kFloat32;
}

// What most clients say in Qdrant's words; product quantization by how much less it takes.
std::optional<Quantization> ReadScalar(const Json& value, const std::string& path,
                                       absl::Status& status) {
  JsonFields fields(value, path, status);
  const std::string type = fields.String("type").value_or("int8");
  fields.Ignore({"quantile", "always_ram"});
  fields.Finish();
  if (type == "int8") return Quantization::kInt8;
  if (type == "int4") return Quantization::kInt4;
  status.Update(absl::InvalidArgumentError(
      fmt::format("{}: unknown type '{}', expected int8 or int4", fields.PathOf("type"), type)));
  return std::nullopt;
}

std::optional<Quantization> ReadProduct(const Json& value, const std::string& path,
                                        absl::Status& status) {
  JsonFields fields(value, path, status);
  fields.Require("compression");
  const std::string compression = fields.String("compression").value_or("");
  fields.Ignore({"always_ram"});
  fields.Finish();
  if (compression == "x4") return Quantization::kInt8;
  if (compression == "x8" || compression == "x16") return Quantization::kInt4;
  if (compression == "x32" || compression == "x64") return Quantization::kBinary;
  status.Update(absl::InvalidArgumentError(
      fmt::format("{}: unknown compression '{}', expected x4, x8, x16, x32 or x64",
                  fields.PathOf("compression"), compression)));
  return std::nullopt;
}

std::optional<Quantization> ReadBinary(const Json& value, const std::string& path,
                                       absl::Status& status) {
  JsonFields fields(value, path, status);
  const std::string encoding = fields.String("encoding").value_or("one_bit");
  fields.Ignore({"always_ram", "query_encoding"});
  fields.Finish();
  if (encoding == "one_bit") return Quantization::kBinary;
  if (encoding == "two_bits" || encoding == "one_and_half_bits") return Quantization::kInt4;
  status.Update(absl::InvalidArgumentError(
      fmt::format("{}: unknown encoding '{}', expected one_bit, one_and_half_bits or two_bits",
                  fields.PathOf("encoding"), encoding)));
  return std::nullopt;
}

// Nothing when `parent` has no such member. "Disabled" means: as Vecnest chooses.
std::optional<Quantization> ReadQuantization(JsonFields& parent, absl::Status& status) {
  constexpr std::string_view kName = "quantization_config";
  const Json* value = parent.Find(kName);
  if (value == nullptr) return std::nullopt;
  const std::string path = parent.PathOf(kName);
  if (*value == "Disabled") return Quantization::kAuto;
  JsonFields fields(*value, path, status);
  const Json* scalar = fields.Find("scalar");
  const Json* product = fields.Find("product");
  const Json* binary = fields.Find("binary");
  fields.Finish();
  if ((scalar != nullptr) + (product != nullptr) + (binary != nullptr) != 1) {
    status.Update(absl::InvalidArgumentError(
        fmt::format("{}: expected exactly one of scalar, product and binary", path)));
    return std::nullopt;
  }
  if (scalar != nullptr) return ReadScalar(*scalar, fields.PathOf("scalar"), status);
  if (product != nullptr) return ReadProduct(*product, fields.PathOf("product"), status);
  return ReadBinary(*binary, fields.PathOf("binary"), status);
}

Json WriteQuantization(Quantization quantization) {
  switch (quantization) {
    case Quantization::kAuto:
      return nullptr;
    case Quantization::kInt8:
      return {{"scalar", {{"type", "int8"}}}};
    case Quantization::kInt4:
      return {{"product", {{"compression", "x8"}}}};
    case Quantization::kBinary:
      return {{"binary", Json::object()}};
  }
  return nullptr;
}

// What vectors have that do not say otherwise.
struct VectorDefaults {
  HnswConfig hnsw;
  Quantization quantization = Quantization::kAuto;
};

VectorConfig ReadVectorConfig(const Json& value, const std::string& path,
                              const VectorDefaults& defaults, absl::Status& status) {
  JsonFields fields(value, path, status);
  VectorConfig config;
  config.hnsw = defaults.hnsw;
  fields.Require("size");
  config.size = static_cast<int>(fields.Integer("size", 1, kMaxInt).value_or(0));
  fields.Require("distance");
  config.metric = ReadMetric(fields, "distance").value_or(Metric::kCosine);
  ReadHnsw(fields.Find("hnsw_config"), fields.PathOf("hnsw_config"), config.hnsw, status);
  fields.Refuse({"multivector_config"});
  if (const auto name = fields.String("datatype")) {
    config.datatype = ReadDatatype(*name, fields.PathOf("datatype"), status);
  }
  config.quantization = ReadQuantization(fields, status).value_or(defaults.quantization);
  // Vecnest decides by itself.
  fields.Ignore({"on_disk"});
  fields.Finish();
  return config;
}

Json WriteVectorConfig(const VectorConfig& config) {
  Json json = {{"size", config.size}, {"distance", MetricName(config.metric)}};
  // Qdrant's clients refuse a name that they do not know.
  if (config.datatype == VectorDatatype::kFloat16) {
    json["datatype"] = VectorDatatypeName(config.datatype);
  }
  if (config.quantization != Quantization::kAuto) {
    json["quantization_config"] = WriteQuantization(config.quantization);
  }
  return json;
}

Json WriteVectorInfo(const VectorInfo& info) {
  Json json = {{"model", info.model},
               {"model_identity", info.model_identity},
               {"vectors", info.vectors},
               {"indexed_vectors", info.indexed_vectors},
               {"segments", info.segments},
               {"unit_norm", info.unit_norm},
               {"datatype", VectorDatatypeName(info.config.datatype)},
               {"quantization", QuantizationName(info.config.quantization)},
               {"memory_bytes", info.memory_bytes},
               {"mapped_bytes", info.mapped_bytes}};
  if (info.adaptor) {
    json["adaptor"] = {{"method", info.adaptor->method},
                       {"samples", info.adaptor->samples},
                       {"identity", info.adaptor->identity}};
    if (!info.adaptor->model.empty()) json["adaptor"]["model"] = info.adaptor->model;
  }
  return json;
}

// Of all vectors when they agree.
Json WriteCommonQuantization(const CollectionInfo& info) {
  if (info.vectors.empty()) return nullptr;
  const Quantization first = info.vectors.begin()->second.config.quantization;
  const bool agree = std::all_of(info.vectors.begin(), info.vectors.end(), [&](const auto& vector) {
    return vector.second.config.quantization == first;
  });
  return agree ? WriteQuantization(first) : Json(nullptr);
}

}  // namespace

CollectionConfig ReadCollectionConfig(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  CollectionConfig config;
  VectorDefaults defaults;
  ReadHnsw(fields.Find("hnsw_config"), "hnsw_config", defaults.hnsw, status);
  defaults.quantization = ReadQuantization(fields, status).value_or(Quantization::kAuto);
  if (const Json* vectors = fields.Require("vectors")) {
    const bool single = vectors->is_object() && vectors->contains("size");
    if (single) {
      config.vectors[""] = ReadVectorConfig(*vectors, "vectors", defaults, status);
    } else if (vectors->is_object()) {
      for (const auto& [name, vector] : vectors->items()) {
        config.vectors[name] =
            ReadVectorConfig(vector, MemberPath("vectors", name), defaults, status);
      }
    } else {
      status.Update(WrongType("vectors", "an object", *vectors));
    }
  }
  if (const Json* metadata = fields.Find("metadata")) config.metadata = metadata->dump();
  fields.Refuse({"sparse_vectors", "init_from", "strict_mode_config"});
  // One node decides these by itself.
  fields.Ignore({"shard_number", "sharding_method", "replication_factor",
                 "write_consistency_factor", "on_disk_payload", "wal_config", "optimizers_config"});
  fields.Finish();
  return config;
}

CollectionUpdate ReadCollectionUpdate(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  CollectionUpdate update;
  if (const Json* vectors = fields.Find("vectors")) {
    if (!vectors->is_object()) status.Update(WrongType("vectors", "an object", *vectors));
    for (const auto& [name, value] : vectors->items()) {
      JsonFields vector(value, MemberPath("vectors", name), status);
      if (const auto metric = ReadMetric(vector, "distance")) update.metrics[name] = *metric;
      if (const auto quantization = ReadQuantization(vector, status)) {
        update.quantizations[name] = *quantization;
      }
      HnswConfig unchanged;
      ReadHnsw(vector.Find("hnsw_config"), vector.PathOf("hnsw_config"), unchanged, status);
      vector.Ignore({"on_disk"});
      vector.Finish();
      if (!status.ok()) break;
    }
  }
  fields.Refuse({"sparse_vectors", "strict_mode_config", "metadata"});
  update.quantization = ReadQuantization(fields, status);
  HnswConfig unchanged;  // how a graph is built stays; what is wrong is named all the same
  ReadHnsw(fields.Find("hnsw_config"), "hnsw_config", unchanged, status);
  fields.Ignore({"optimizers_config", "params"});
  fields.Finish();
  return update;
}

Json WriteCollectionInfo(const CollectionInfo& info) {
  if (!info.error.empty()) {
    return {{"status", "red"},
            {"optimizer_status", {{"error", info.error}}},
            {"indexed_vectors_count", 0},
            {"points_count", 0},
            {"segments_count", 0},
            {"payload_schema", Json::object()}};
  }
  Json vectors = Json::object();
  Json details = Json::object();
  uint64_t indexed = 0;
  uint64_t segments = 0;
  HnswConfig hnsw;
  for (const auto& [name, vector] : info.vectors) {
    vectors[name] = WriteVectorConfig(vector.config);
    details[name] = WriteVectorInfo(vector);
    indexed += vector.indexed_vectors;
    segments += vector.segments;
    hnsw = vector.config.hnsw;
  }
  if (vectors.size() == 1 && vectors.contains("")) {
    const Json unnamed = vectors[""];
    vectors = unnamed;
  }
  return {{"status", info.optimized ? "green" : "yellow"},
          {"optimizer_status", "ok"},
          {"indexed_vectors_count", indexed},
          {"points_count", info.points},
          {"segments_count", segments},
          {"config",
           {{"params",
             {{"vectors", vectors},
              {"shard_number", 1},
              {"replication_factor", 1},
              {"write_consistency_factor", 1},
              {"on_disk_payload", true}}},
            {"hnsw_config",
             {{"m", hnsw.m}, {"ef_construct", hnsw.ef_construct}, {"full_scan_threshold", 0}}},
            {"optimizer_config",
             {{"deleted_threshold", 0.2},
              {"vacuum_min_vector_number", 0},
              {"default_segment_number", 0},
              {"flush_interval_sec", 0}}},
            {"quantization_config", WriteCommonQuantization(info)},
            {"wal_config", {{"wal_capacity_mb", 64}, {"wal_segments_ahead", 0}}},
            {"metadata", Json::parse(info.config.metadata)}}},
          {"payload_schema", WritePayloadSchema(info.payload_indexes)},
          {"vecnest",
           {{"uuid", info.uuid}, {"last_sequence", info.last_sequence}, {"vectors", details}}}};
}

}  // namespace vecnest::net
