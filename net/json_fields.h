// Strict reading of a JSON object: every member is asked for by name and type, what is left over
// is an error, and errors name the member by its path.
#ifndef VECNEST_NET_JSON_FIELDS_H_
#define VECNEST_NET_JSON_FIELDS_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/json.h"

namespace vecnest::net {

using engine::Json;

// Error messages: "points[3].payload: expected an object, got a string".
absl::Status WrongType(std::string_view path, std::string_view expected, const Json& got);
std::string MemberPath(std::string_view parent, std::string_view member);
std::string ElementPath(std::string_view parent, size_t index);

// The first error of several readers that share it stays; reads after it give nothing.
//
//   absl::Status status;
//   JsonFields fields(json, "params", status);
//   query.exact = fields.Bool("exact").value_or(false);
//   fields.Finish();
class JsonFields {
 public:
  // `value` outlives the reader. Not an object: an error.
  JsonFields(const Json& value, std::string path, absl::Status& status);

  // The member, or null when it is missing or JSON null.
  const Json* Find(std::string_view name);
  // Like Find, but a missing member is an error.
  const Json* Require(std::string_view name);

  std::optional<bool> Bool(std::string_view name);
  std::optional<std::string> String(std::string_view name);
  std::optional<double> Number(std::string_view name);
  std::optional<int64_t> Integer(std::string_view name, int64_t low, int64_t high);
  std::optional<std::vector<std::string>> Strings(std::string_view name);

  // Accepts these members without looking at them: hints that change no answer.
  void Ignore(std::initializer_list<std::string_view> names);
  // These members exist in the dialect but are not supported: present and not null is an error.
  void Refuse(std::initializer_list<std::string_view> names);

  // Members that nobody asked for are an error that lists the known ones.
  void Finish();

  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view name) const { return MemberPath(path_, name); }
  absl::Status& status() { return status_; }

 private:
  void Fail(const absl::Status& status);

  const Json& value_;
  const std::string path_;
  absl::Status& status_;
  std::vector<std::string_view> known_;
};

// A list of finite floats, packed (see ParseJson) or not. An error names the first component that
// is none.
std::optional<std::vector<float>> ReadFloats(const Json& value, std::string_view path,
                                             absl::Status& status);

}  // namespace vecnest::net

#endif  // VECNEST_NET_JSON_FIELDS_H_
