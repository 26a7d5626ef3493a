// What the store remembers about a collection itself.
#ifndef VECNEST_ENGINE_DEFINITION_H_
#define VECNEST_ENGINE_DEFINITION_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/record.h"
#include "storage/keys.h"
#include "vecnest/collection.h"

namespace vecnest::engine {

// One named vector. Its position in Definition::slots is its Slot, for ever.
struct SlotDefinition {
  std::string name = {};
  VectorConfig config = {};
  // The model its texts were embedded with; empty until the first text.
  std::string model = {};
  std::string model_identity = {};
  // Counts the times that the index was made anew with another adaptor; names its directory.
  uint32_t index_generation = 0;
  bool adapted = false;  // the generation has an adaptor
};

struct Definition {
  std::string name;
  storage::CollectionId id{};
  std::vector<SlotDefinition> slots;  // sorted by name
  std::string metadata = "{}";
  std::map<std::string, PayloadIndexConfig> payload_indexes;  // by field

  // Checks name and config; InvalidArgument names the field. Draws a random id.
  static absl::StatusOr<Definition> Create(const std::string& name, const CollectionConfig& config);

  std::optional<Slot> FindSlot(std::string_view vector_name) const;
  // InvalidArgument lists the names there are.
  absl::StatusOr<Slot> RequireSlot(std::string_view vector_name) const;

  std::string Encode() const;  // JSON
  static absl::StatusOr<Definition> Decode(std::string_view bytes);

  CollectionConfig config() const;
  std::string uuid() const;
};

absl::Status ValidateCollectionName(std::string_view name);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_DEFINITION_H_
