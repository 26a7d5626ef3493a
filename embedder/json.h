// A read-only view of a JSON document whose accessors return errors that name the file and the
// field, so that readers of model directories need no checks of their own. The only part of
// embedder/ that knows the JSON library is json.cc.
#ifndef VECNEST_EMBEDDER_JSON_H_
#define VECNEST_EMBEDDER_JSON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace vecnest::embedder {

// A node of a parsed document. Copies are cheap and keep the document alive. Immutable, so any
// thread may read it. A member that is null counts as absent everywhere.
class Json {
 public:
  // Reads and parses a file. NotFound when it cannot be opened, InvalidArgument when it is not
  // JSON.
  static absl::StatusOr<Json> Load(const std::string& path);

  // Parses `text`; `source` is the name that errors give.
  static absl::StatusOr<Json> Parse(std::string_view text, std::string source);

  bool IsObject() const;
  bool IsArray() const;
  bool IsString() const;

  // Whether this is an object whose member `key` is there and null.
  bool IsNull(std::string_view key) const;

  // The member `key` of an object, or nothing when this is no object or has no such member.
  std::optional<Json> Find(std::string_view key) const;

  // Elements of an array and members of an object, in document order of the JSON library
  // (objects: sorted by key). Empty for any other type.
  std::vector<Json> Elements() const;
  std::vector<std::pair<std::string, Json>> Members() const;

  // This node's own value. InvalidArgument when it has another type; AsInt also refuses numbers
  // that are not integers or do not fit.
  absl::StatusOr<int64_t> AsInt() const;
  absl::StatusOr<double> AsDouble() const;
  absl::StatusOr<bool> AsBool() const;
  absl::StatusOr<std::string> AsString() const;

  // The member `key`; InvalidArgument when it is absent or has another type.
  absl::StatusOr<Json> Get(std::string_view key) const;
  absl::StatusOr<int64_t> GetInt(std::string_view key) const;
  absl::StatusOr<std::string> GetString(std::string_view key) const;

  // The member `key`, or `fallback` when it is absent; a wrong type is still an error.
  absl::StatusOr<int64_t> GetInt(std::string_view key, int64_t fallback) const;
  absl::StatusOr<double> GetDouble(std::string_view key, double fallback) const;
  absl::StatusOr<bool> GetBool(std::string_view key, bool fallback) const;
  absl::StatusOr<std::string> GetString(std::string_view key, std::string_view fallback) const;

  // "config.json: field \"hidden_size\"": how errors name this node.
  const std::string& name() const { return name_; }

 private:
  struct Document;
  struct Node;

  Json(std::shared_ptr<const Document> document, const Node* node, std::string name)
      : document_(std::move(document)), node_(node), name_(std::move(name)) {}
  absl::Status WrongType(std::string_view expected) const;

  std::shared_ptr<const Document> document_;
  const Node* node_;  // inside *document_
  std::string name_;
};

// The text, which is UTF-8, as a JSON string in quotes.
std::string JsonString(std::string_view text);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_JSON_H_
