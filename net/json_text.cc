#include "net/json_text.h"

#include <cmath>
#include <iterator>

#include "fmt/compile.h"

namespace vecnest::net {

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AppendNumber(double number, std::string& text) {
  if (!std::isfinite(number)) {
    text += "null";
    return;
  }
  const size_t begin = text.size();
  fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), number);
  if (text.find_first_of(".e", begin) == std::string::npos) text += ".0";
}

void AppendNumbers(const std::vector<float>& numbers, double scale, std::string& text) {
  AppendList(
      numbers,
      [scale](float number, std::string& to) {
        AppendNumber(static_cast<float>(number * scale), to);
      },
      text);
}

}  // namespace vecnest::net
