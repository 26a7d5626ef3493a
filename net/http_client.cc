#include "net/http_client.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "boost/asio/connect.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "fmt/format.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using engine::Json;

constexpr std::chrono::seconds kConnectTime(30);
constexpr std::chrono::milliseconds kAskPause(100);
constexpr std::chrono::milliseconds kFirstPause(100);
constexpr std::chrono::milliseconds kLongestPause(10'000);
constexpr std::chrono::milliseconds kLongestAsked(60'000);

absl::Status ToStatus(const ClientResponse& response) {
  std::string message = response.body.substr(0, 500);
  if (const Json body = Json::parse(response.body, nullptr, false); body.is_object()) {
    const Json status = body.value("status", Json());
    if (status.is_object()) message = status.value("error", message);
  }
  message = fmt::format("{} (HTTP {})", message, response.status);
  if (response.status == 401) return absl::UnauthenticatedError(message);
  if (response.status == 403) return absl::PermissionDeniedError(message);
  if (response.status == 404) return absl::NotFoundError(message);
  if (response.status == 409) return absl::AlreadyExistsError(message);
  if (response.status == 429 || response.status == 503) return absl::UnavailableError(message);
  return response.status >= 500 ? absl::InternalError(message)
                                : absl::InvalidArgumentError(message);
}

}  // namespace

struct HttpClient::Impl {
  std::string host;
  std::string port;
  std::string api_key;
  // The operations are asynchronous because only those end when the time is over.
  asio::io_context io;
  std::unique_ptr<beast::tcp_stream> stream;
  beast::flat_buffer buffer;

  std::function<bool()> go_on = [] { return true; };

  // Runs what `start` begins on `used`, with its handler, to its end.
  template <typename Start>
  error_code Await(beast::tcp_stream& used, Start start) {
    error_code result;
    start([&result](const error_code& error, const auto&...) { result = error; });
    io.restart();
    while (io.run_for(kAskPause), !io.stopped()) {
      if (!go_on()) used.cancel();
    }
    return result;
  }

  // Of a call that ended so.
  absl::Status Failed(std::string_view what, const error_code& error) const {
    if (error == asio::error::operation_aborted)
      return absl::CancelledError("the call was cancelled");
    return absl::UnavailableError(fmt::format("{}{}:{}: {}", what, host, port, error.message()));
  }

  absl::Status Sleep(std::chrono::milliseconds pause) const {
    const auto end = std::chrono::steady_clock::now() + pause;
    for (auto now = end - pause; now < end; now = std::chrono::steady_clock::now()) {
      if (!go_on()) return Failed("", asio::error::operation_aborted);
      std::this_thread::sleep_for(
          std::min<std::chrono::steady_clock::duration>(kAskPause, end - now));
    }
    return absl::OkStatus();
  }

  absl::Status Connect() {
    error_code error;
    asio::ip::tcp::resolver resolver(io);
    const auto endpoints = resolver.resolve(host, port, error);
    auto fresh = std::make_unique<beast::tcp_stream>(io);
    if (!error) {
      fresh->expires_after(kConnectTime);
      error =
          Await(*fresh, [&](auto handler) { fresh->async_connect(endpoints, std::move(handler)); });
    }
    if (error) return Failed("connecting to ", error);
    fresh->socket().set_option(asio::ip::tcp::no_delay(true), error);
    stream = std::move(fresh);
    buffer.clear();
    return absl::OkStatus();
  }
};

std::string EncodePathPart(const std::string& part) {
  std::string encoded;
  for (const unsigned char c : part) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

void HttpClient::set_go_on(std::function<bool()> go_on) { impl_->go_on = std::move(go_on); }

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(const std::string& url,
                                                               const std::string& api_key) {
  constexpr std::string_view kScheme = "http://";
  std::string rest = url;
  while (rest.ends_with('/')) rest.pop_back();
  if (!rest.starts_with(kScheme) || rest.find('/', kScheme.size()) != std::string::npos ||
      rest.size() == kScheme.size()) {
    return absl::InvalidArgumentError(
        fmt::format("'{}': expected http://HOST:PORT, for example http://127.0.0.1:6333", url));
  }
  rest = rest.substr(kScheme.size());
  auto impl = std::make_unique<Impl>();
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.find(':', bracket == std::string::npos ? 0 : bracket);
  impl->host = rest.substr(0, colon);
  impl->port = colon == std::string::npos ? "80" : rest.substr(colon + 1);
  if (impl->host.starts_with('[') && impl->host.ends_with(']')) {
    impl->host = impl->host.substr(1, impl->host.size() - 2);
  }
  impl->api_key = api_key;
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

absl::StatusOr<ClientResponse> HttpClient::Send(const std::string& method, const std::string& path,
                                                const std::string& body, const char* content_type) {
  if (impl_->stream == nullptr) {
    if (auto status = impl_->Connect(); !status.ok()) return status;
  }
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(path);
  request.set(http::field::host, impl_->host);
  if (!impl_->api_key.empty()) request.set("api-key", impl_->api_key);
  if (!body.empty()) request.set(http::field::content_type, content_type);
  request.body() = body;
  request.prepare_payload();
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  error_code error;
  beast::tcp_stream& stream = *impl_->stream;
  http::request_serializer<http::string_body> serializer(request);
  while (!error && !serializer.is_done()) {
    stream.expires_after(silence_);
    error = impl_->Await(stream, [&](auto handler) {
      http::async_write_some(stream, serializer, std::move(handler));
    });
  }
  while (!error && !parser.is_done()) {
    stream.expires_after(silence_);
    error = impl_->Await(stream, [&](auto handler) {
      http::async_read_some(stream, impl_->buffer, parser, std::move(handler));
    });
  }
  if (error) {
    impl_->stream.reset();
    return impl_->Failed("", error);
  }
  const auto& answer = parser.get();
  ClientResponse response;
  response.status = static_cast<int>(answer.result_int());
  response.body = answer.body();
  const auto retry = answer[http::field::retry_after];
  response.retry_after_seconds = std::atoi(std::string(retry.data(), retry.size()).c_str());
  if (!answer.keep_alive()) impl_->stream.reset();
  return response;
}

absl::StatusOr<Json> HttpClient::Call(const std::string& method, const std::string& path,
                                      const Json* body, int attempts) {
  auto answer = CallForAll(method, path, body, attempts);
  if (!answer.ok() || !answer->is_object() || !answer->contains("result")) return answer;
  return std::move((*answer)["result"]);
}

absl::StatusOr<std::string> HttpClient::CallWithBytes(const std::string& method,
                                                      const std::string& path,
                                                      const std::string& bytes) {
  auto response = Send(method, path, bytes, "application/octet-stream");
  if (!response.ok()) return response.status();
  if (response->status >= 300) return ToStatus(*response);
  return std::move(response->body);
}

absl::StatusOr<Json> HttpClient::CallForAll(const std::string& method, const std::string& path,
                                            const Json* body, int attempts) {
  const std::string text =
      body == nullptr ? "" : body->dump(-1, ' ', false, Json::error_handler_t::replace);
  auto pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    auto response = Send(method, path, text);
    absl::Status status = response.status();
    if (status.ok() && response->status < 300) {
      return engine::ParseJson(response->body, "answer");
    }
    if (status.ok()) status = ToStatus(*response);
    if (status.code() != absl::StatusCode::kUnavailable || attempt == attempts) return status;
    const std::chrono::milliseconds asked =
        std::chrono::seconds(response.ok() ? response->retry_after_seconds : 0);
    const absl::Status slept =
        impl_->Sleep(std::max(std::min(pause, kLongestPause), std::min(asked, kLongestAsked)));
    if (!slept.ok()) return slept;
    pause *= 2;
  }
}

}  // namespace vecnest::net
