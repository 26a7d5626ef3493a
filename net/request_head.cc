#include "net/request_head.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include "boost/beast/http/field.hpp"
#include "fmt/format.h"

namespace vecnest::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr double kMinTimeoutSeconds = 0.001;
constexpr int kMaxTimeoutSeconds = 24 * 3600;

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string ToString(beast::string_view view) { return {view.data(), view.size()}; }

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ", ") + word;
  return joined;
}

}  // namespace

Request ToRequest(const HeaderParser& parser) {
  const auto& head = parser.get();
  const std::string target = ToString(head.target());
  const size_t question = target.find('?');
  Request request;
  request.method = ToString(head.method_string());
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = ParseQuery(target.substr(question + 1));
  std::string type = Lower(ToString(head[http::field::content_type]));
  type = type.substr(0, type.find(';'));
  type.erase(type.find_last_not_of(" \t") + 1);
  request.content_type = std::move(type);
  request.authorization = ToString(head[http::field::authorization]);
  request.api_key = ToString(head["api-key"]);
  return request;
}

bool HasBody(const HeaderParser& parser) {
  // The text of a number that the parser has checked.
  const auto length = parser.get()[http::field::content_length];
  return parser.chunked() || length.find_first_not_of('0') != length.npos;
}

bool WantsContinue(const HeaderParser& parser) {
  return Lower(ToString(parser.get()[http::field::expect])) == "100-continue";
}

absl::Status SetDeadline(double seconds, Request& request) {
  if (const auto found = request.query.find("timeout"); found != request.query.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() ||
        !(seconds >= kMinTimeoutSeconds) || seconds > kMaxTimeoutSeconds) {
      return absl::InvalidArgumentError(
          fmt::format("timeout: '{}', expected a number of seconds from {} to {}", text,
                      kMinTimeoutSeconds, kMaxTimeoutSeconds));
    }
  }
  if (seconds > 0) {
    request.limits.deadline = std::chrono::steady_clock::now() +
                              std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                  std::chrono::duration<double>(seconds));
  }
  return absl::OkStatus();
}

Response NoRoute(const Request& request, const Router::Match& match) {
  const Dialect dialect = request.path.starts_with("/v1/") ? Dialect::kOpenAi : Dialect::kQdrant;
  if (match.allowed.empty()) {
    return ErrorResponse(404, fmt::format("no such path: {}", request.path), dialect, 0);
  }
  const std::string allowed = Join(match.allowed);
  Response response = ErrorResponse(
      405, fmt::format("{} is not allowed here, expected {}", request.method, allowed), dialect, 0);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace vecnest::net
