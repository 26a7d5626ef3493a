// What a collection is made of and what is known about it.
#ifndef VECNEST_COLLECTION_H_
#define VECNEST_COLLECTION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "vecnest/adapt.h"
#include "vecnest/types.h"

namespace vecnest {

struct HnswConfig {
  int m = 16;              // links per node and layer, twice that on the lowest layer
  int ef_construct = 200;  // candidates looked at while building
};

// The components of stored vectors. Vectors are rounded when they are written; what is read, scored
// and returned are the rounded ones, and half of them fit the same memory in 16 bits.
enum class VectorDatatype {
  kFloat32,
  kFloat16,   // 11 bits of precision; a component beyond 65504 is refused
  kBfloat16,  // 8 bits of precision, the range of f32
};

// "float32", "float16", "bfloat16".
std::string_view VectorDatatypeName(VectorDatatype datatype);
// Accepts exactly what VectorDatatypeName gives; InvalidArgument lists the choices.
absl::StatusOr<VectorDatatype> ParseVectorDatatype(std::string_view name);

// The codes that graphs are walked by. The nearest that a walk finds are ranked by their vectors,
// so that codes change memory, speed and recall, never a score.
enum class Quantization {
  kAuto,    // 4 bits a dimension, or 8 for vectors of fewer than 128
  kInt8,    // 8 bits
  kInt4,    // 4 bits
  kBinary,  // 1 bit: the least memory; more is ranked, and recall is lower at the same effort
};

// "auto", "int8", "int4", "binary".
std::string_view QuantizationName(Quantization quantization);
// Accepts exactly what QuantizationName gives; InvalidArgument lists the choices.
absl::StatusOr<Quantization> ParseQuantization(std::string_view name);

struct VectorConfig {
  int size = 0;  // dimensions, 1..65536
  Metric metric = Metric::kCosine;
  HnswConfig hnsw;
  VectorDatatype datatype = VectorDatatype::kFloat32;
  Quantization quantization = Quantization::kAuto;
};

// What a payload index looks for in a field; it changes how fast a filter is, never its answer.
enum class PayloadIndexType {
  kKeyword,   // strings: match, any, except; facets
  kInteger,   // match, any, except and range; facets
  kFloat,     // range of any numbers
  kBool,      // match; facets
  kDatetime,  // range of date-times
  kText,      // strings by their words: narrows match.text down
  kUuid,      // as kKeyword
  kGeo,       // areas of places
};

// "keyword", "integer", "float", "bool", "datetime", "text", "uuid", "geo".
std::string_view PayloadIndexTypeName(PayloadIndexType type);
// Accepts exactly what PayloadIndexTypeName gives; InvalidArgument lists the choices.
absl::StatusOr<PayloadIndexType> ParsePayloadIndexType(std::string_view name);

struct PayloadIndexConfig {
  PayloadIndexType type = PayloadIndexType::kKeyword;
  // A JSON object kept for the user, such as options of other databases; Vecnest does not look
  // into it.
  std::string params = "{}";
  friend bool operator==(const PayloadIndexConfig&, const PayloadIndexConfig&) = default;
};

struct CollectionConfig {
  // By name; a collection with one unnamed vector has the single key "".
  std::map<std::string, VectorConfig> vectors;
  // A JSON object kept for the user; Vecnest does not look into it.
  std::string metadata = "{}";
};

// Changes to a collection; what is not set stays.
struct CollectionUpdate {
  // New default metric by vector name. Takes effect at once. Where all vectors have unit length
  // cosine, dot and Euclid share graphs; otherwise those there are, are rebuilt one by one in the
  // background, and until then queries look at every vector. The answer's plan tells.
  std::map<std::string, Metric> metrics = {};
  // By vector name. New segments are built so at once; those there are, one by one in the
  // background, answer as before until they are rebuilt.
  std::map<std::string, Quantization> quantizations = {};
  // Of all vectors that the map does not name.
  std::optional<Quantization> quantization = std::nullopt;
};

struct VectorInfo {
  VectorConfig config;
  // Name and identity of the model that texts of this vector were embedded with; empty until the
  // first text. Texts of another model are refused from then on.
  std::string model;
  std::string model_identity;
  uint64_t vectors = 0;
  uint64_t indexed_vectors = 0;  // in sealed segments; the rest is scanned
  uint64_t segments = 0;
  bool unit_norm = false;  // all have unit length: cosine, dot and L2 give one order
  // What vectors go through on their way into the index, see Database::StartAdapting.
  std::optional<AdaptorInfo> adaptor;
  uint64_t memory_bytes = 0;
  uint64_t mapped_bytes = 0;
};

struct PayloadIndexInfo {
  PayloadIndexConfig config;
  uint64_t points = 0;  // that have a value of the index's type
  uint64_t memory_bytes = 0;
};

struct CollectionInfo {
  std::string name;
  std::string uuid;
  CollectionConfig config;
  uint64_t points = 0;
  std::map<std::string, VectorInfo> vectors;
  std::map<std::string, PayloadIndexInfo> payload_indexes;  // by field
  uint64_t last_sequence = 0;
  // False while background work (sealing, merging, also at rest, adapting) is due.
  bool optimized = true;
  // Not empty: the collection could not be loaded and only this is known about it.
  std::string error;
};

}  // namespace vecnest

#endif  // VECNEST_COLLECTION_H_
