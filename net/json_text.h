// JSON as text: answers with many points are written at once instead of being built as values.
#ifndef VECNEST_NET_JSON_TEXT_H_
#define VECNEST_NET_JSON_TEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "engine/json.h"

namespace vecnest::net {

using engine::Json;

// Text that is JSON already.
struct JsonText {
  std::string text;
};

// Bytes that are not UTF-8 are replaced: messages quote what was sent.
std::string Dump(const Json& value);

// The numbers that Dump writes, if not always by the same digits: a double is read back as the same
// double, and is never written as an integer. Not finite: null.
void AppendNumber(double number, std::string& text);
void AppendNumbers(const std::vector<float>& numbers, double scale, std::string& text);

// Writes `write(element)` for each element as a list; `write` appends.
template <typename List, typename Write>
void AppendList(const List& list, Write write, std::string& text) {
  text += '[';
  bool first = true;
  for (const auto& element : list) {
    if (!std::exchange(first, false)) text += ',';
    write(element, text);
  }
  text += ']';
}

}  // namespace vecnest::net

#endif  // VECNEST_NET_JSON_TEXT_H_
