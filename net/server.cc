#include "net/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/redirect_error.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/this_coro.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "fmt/format.h"
#include "net/answer.h"
#include "net/body_budget.h"
#include "net/bulk_import.h"
#include "net/connection.h"
#include "net/connection_sweep.h"
#include "net/event_loops.h"
#include "net/request_head.h"
#include "net/worker_pool.h"
#include "spdlog/spdlog.h"

namespace vecnest::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// Somebody waits for a query. Background work has 19.
constexpr int kWriteNice = 10;
constexpr uint32_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kBulkChunkBytes = 256 << 10;
constexpr std::chrono::milliseconds kBulkPause(20);  // before a busy pool is asked again
// What calls that were told to stop have for it, and their answers to leave.
constexpr std::chrono::seconds kStopTime(5);
// A refused body is read and thrown away up to this time, so that the client sees the answer
// instead of a reset connection.
constexpr std::chrono::seconds kDiscardTime(15);
// Of requests that fit no route, in the metrics.
constexpr const char* kNoRoute = "none";

auto Redirect(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

constexpr const char* kShuttingDown = "the server is shutting down; send the request again";

constexpr const char* kImportEnds =
    "the server is shutting down; lines of this import that it has read may be written, send all "
    "of them again";

size_t Count(int number) { return static_cast<size_t>(std::max(number, 0)); }

Response NoRoomForBody(const Route& route) {
  return ErrorResponse(429, "too many large bodies are in memory; try again later", route.dialect,
                       0);
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& given, Service& given_service)
      : options(given),
        service(given_service),
        bodies(std::max(given.held_body_bytes, given.max_body_bytes)),
        loops(Count(std::clamp(given.loops, 1, std::max(1, given.query_threads))),
              Count(std::max(1, given.query_threads)), Count(given.queue)),
        acceptor(loops.loop(0)),
        writes(Count(given.write_threads), Count(given.queue), kWriteNice) {
    for (size_t i = 0; i < loops.size(); ++i) {
      sweeps.push_back(std::make_unique<ConnectionSweep>(loops.loop(i)));
    }
  }
  // Handlers in the loops use the rest.
  ~Impl() { loops.Stop(); }

  asio::awaitable<void> Accept();
  // The loop with the fewest connections takes the next one.
  ConnectionSweep& Idlest();
  asio::awaitable<void> Serve(ConnectionSweep& sweep, ConnectionPtr connection);
  // False: close the connection.
  asio::awaitable<bool> ServeOne(ConnectionSweep& sweep, Connection& connection);
  asio::awaitable<bool> Reply(Connection& connection, Response response, bool keep_alive);
  asio::awaitable<void> RefuseBody(Connection& connection, const Response& response);
  // False: close the connection; a refusal has been sent.
  asio::awaitable<bool> ReadBody(Connection& connection, HeaderParser& header, const Route& route,
                                 BodyBudget::Share& held, std::string& body);
  asio::awaitable<Response> Dispatch(const Route& route, Request request);
  // `call` is a named object of the caller's: g++ 12 destroys a temporary that is converted within
  // a co_await twice.
  asio::awaitable<Response> RunBulkPart(std::function<Response()> call);
  asio::awaitable<bool> ServeBulk(Connection& connection, HeaderParser& header, Request request);
  // After the drain: the call under way is to end, and what the client has not sent is not awaited.
  static void EndCall(Connection& connection);

  const ServerOptions options;
  Service& service;
  BodyBudget bodies;
  EventLoops loops;  // with the coroutines that hold shares of `bodies`; reading requests run here
  std::vector<std::unique_ptr<ConnectionSweep>> sweeps;  // one a loop
  tcp::acceptor acceptor;
  WorkerPool writes;
  bool started = false;
  std::atomic<bool> stopping = false;
  std::atomic<bool> drained = false;  // the time to drain is over: calls are asked to stop
};

ConnectionSweep& Server::Impl::Idlest() {
  return **std::min_element(sweeps.begin(), sweeps.end(),
                            [](const auto& a, const auto& b) { return a->count() < b->count(); });
}

asio::awaitable<void> Server::Impl::Accept() {
  while (!stopping) {
    error_code error;
    ConnectionSweep& sweep = Idlest();
    tcp::socket socket = co_await acceptor.async_accept(sweep.io(), Redirect(error));
    if (error == asio::error::operation_aborted || stopping) co_return;
    if (error) {
      // Out of file descriptors, most likely: give connections time to close.
      spdlog::warn("accepting a connection: {}", error.message());
      asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(Redirect(error));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    // For ClientHasLeft and Reply; asynchronous calls never block.
    socket.non_blocking(true, error);
    auto connection = std::make_shared<Connection>(std::move(socket));
    sweep.Add(connection);
    asio::co_spawn(sweep.io(), Serve(sweep, std::move(connection)), asio::detached);
  }
}

asio::awaitable<void> Server::Impl::Serve(ConnectionSweep& sweep, ConnectionPtr connection) {
  try {
    while (!stopping && co_await ServeOne(sweep, *connection)) {
    }
  } catch (const std::exception& error) {
    spdlog::warn("connection closed: {}", error.what());
  }
  error_code ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
  sweep.Remove(connection);
}

asio::awaitable<bool> Server::Impl::Reply(Connection& connection, Response response,
                                          bool keep_alive) {
  connection.phase = Connection::Phase::kAnswering;
  co_await EventLoops::AwaitQuiet();
  // Every answer comes by here, be it a refusal.
  service.metrics().CountRequest(
      connection.method, connection.route, response.status,
      std::chrono::duration<double>(std::chrono::steady_clock::now() - connection.start).count());
  Answer answer(std::move(response), connection.head, keep_alive && !stopping);
  error_code error;
  answer.SendSome(connection.socket, error);
  // However slow the client, while it takes bytes it is not cut off.
  while (!error && !answer.done()) {
    connection.ExpireAfter(std::chrono::seconds(options.io_seconds));
    answer.Consume(co_await connection.socket.async_write_some(answer.Rest(), Redirect(error)));
  }
  co_return !error && answer.keep_alive();
}

asio::awaitable<void> Server::Impl::RefuseBody(Connection& connection, const Response& response) {
  co_await Reply(connection, response, /*keep_alive=*/false);
  error_code error;
  connection.phase = Connection::Phase::kReading;
  connection.socket.shutdown(tcp::socket::shutdown_send, error);
  connection.ExpireAfter(kDiscardTime);
  std::vector<char> discarded(kBulkChunkBytes);
  // Who sends without a pause never waits for the socket, and so is never seen to be late there.
  while (!error && !connection.Expired()) {
    co_await connection.socket.async_read_some(asio::buffer(discarded), Redirect(error));
  }
}

asio::awaitable<Response> Server::Impl::Dispatch(const Route& route, Request request) {
  if (route.lane == Lane::kInline) co_return service.Handle(route, request);
  const bool reads = route.lane == Lane::kQuery;
  if (!(reads ? loops.TryEnter() : writes.TryEnter())) {
    co_return ErrorResponse(429, "too many requests are waiting; try again later", route.dialect,
                            0);
  }
  if (reads) request.expect_long = &EventLoops::ExpectLong;
  auto shared = std::make_shared<const Request>(std::move(request));
  std::function<Response()> call = [this, &route, shared] {
    return service.Handle(route, *shared);
  };
  if (reads) co_return co_await loops.Run(std::move(call));
  co_return co_await writes.Run(std::move(call));
}

asio::awaitable<Response> Server::Impl::RunBulkPart(std::function<Response()> call) {
  // An import under way is not refused: what it has sent would be lost.
  while (!writes.TryEnter()) {
    error_code error;
    asio::steady_timer pause(co_await asio::this_coro::executor, kBulkPause);
    co_await pause.async_wait(Redirect(error));
    if (stopping) co_return ErrorResponse(503, kImportEnds, Dialect::kQdrant, 0);
  }
  co_return co_await writes.Run(std::move(call));
}

asio::awaitable<bool> Server::Impl::ServeOne(ConnectionSweep& sweep, Connection& connection) {
  HeaderParser header;
  header.header_limit(kMaxHeaderBytes);
  header.body_limit(boost::none);
  error_code error;
  connection.idle = true;
  connection.phase = Connection::Phase::kReading;
  connection.head = false;
  connection.method = kNoRoute;
  connection.route = kNoRoute;
  connection.ExpireAfter(std::chrono::seconds(options.idle_seconds));
  co_await http::async_read_header(connection.socket, connection.buffer, header, Redirect(error));
  connection.idle = false;
  connection.start = std::chrono::steady_clock::now();
  if (error == http::error::header_limit) {
    co_await RefuseBody(
        connection, ErrorResponse(431, "the request's header is too long", Dialect::kQdrant, 0));
    co_return false;
  }
  if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    co_await RefuseBody(connection, ErrorResponse(400, fmt::format("not HTTP: {}", error.message()),
                                                  Dialect::kQdrant, 0));
    co_return false;
  }
  if (error) co_return false;

  Request request = ToRequest(header);
  connection.head = request.method == "HEAD";
  if (connection.head) request.method = "GET";
  const bool keep_alive = header.get().keep_alive();
  const bool has_body = HasBody(header);
  Router::Match match = service.router().Find(request.method, request.path);
  if (match.route != nullptr) {
    connection.method = match.route->method;
    connection.route = match.route->pattern;
  }
  Response refusal;
  bool refused = true;
  if (match.route == nullptr) {
    refusal = NoRoute(request, match);
  } else if (match.malformed) {
    refusal = ErrorResponse(400, "the path does not decode to UTF-8", match.route->dialect, 0);
  } else if (!match.route->streamed && header.content_length() &&
             *header.content_length() > options.max_body_bytes) {
    refusal = ErrorResponse(413,
                            fmt::format("the body has {} bytes, expected at most {}; split it, or "
                                        "use /points/bulk",
                                        *header.content_length(), options.max_body_bytes),
                            match.route->dialect, 0);
  } else {
    refused = service.Refuses(*match.route, request, has_body, refusal);
  }
  if (refused) {
    if (!has_body) co_return co_await Reply(connection, std::move(refusal), keep_alive);
    co_await RefuseBody(connection, refusal);
    co_return false;
  }
  request.parameters = std::move(match.parameters);
  BodyBudget::Share held(bodies);
  if (!match.route->streamed && !held.TryGrow(header.content_length().value_or(0))) {
    co_await RefuseBody(connection, NoRoomForBody(*match.route));
    co_return false;
  }
  if (WantsContinue(header)) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(connection.socket, asio::buffer(kContinue), Redirect(error));
    if (error) co_return false;
  }
  if (match.route->streamed) {
    co_return co_await ServeBulk(connection, header, std::move(request));
  }

  if (!co_await ReadBody(connection, header, *match.route, held, request.body)) co_return false;
  connection.start = std::chrono::steady_clock::now();
  connection.ExpireNever();
  const double seconds = match.route->lane == Lane::kQuery ? options.query_seconds : 0;
  if (const absl::Status status = SetDeadline(seconds, request); !status.ok()) {
    Response late = ErrorResponse(status, match.route->dialect, 0);
    co_return co_await Reply(connection, std::move(late), keep_alive);
  }
  connection.call = std::stop_source();
  connection.phase = Connection::Phase::kRunning;
  request.limits.stop = connection.call.get_token();
  sweep.Watch(connection);
  Response response = co_await Dispatch(*match.route, std::move(request));
  connection.watched = false;
  held.Release();  // a client may take its time to read the answer
  if (response.status == HttpStatus(absl::CancelledError()) && drained) {
    response = ErrorResponse(503, kShuttingDown, match.route->dialect, 0);
  }
  co_return co_await Reply(connection, std::move(response), keep_alive);
}

asio::awaitable<bool> Server::Impl::ReadBody(Connection& connection, HeaderParser& header,
                                             const Route& route, BodyBudget::Share& held,
                                             std::string& body) {
  http::request_parser<http::string_body> parser(std::move(header));
  parser.body_limit(options.max_body_bytes);
  error_code error;
  // Mostly it came with the header.
  if (!parser.is_done()) connection.buffer.consume(parser.put(connection.buffer.data(), error));
  if (error == http::error::need_more) error = {};
  // However slow the client, while bytes arrive it is not cut off.
  while (!parser.is_done() && !error) {
    connection.ExpireAfter(std::chrono::seconds(options.io_seconds));
    co_await http::async_read_some(connection.socket, connection.buffer, parser, Redirect(error));
    // A body in chunks shows its size as it comes.
    if (!error && !held.TryGrow(parser.get().body().size())) {
      co_await RefuseBody(connection, NoRoomForBody(route));
      co_return false;
    }
  }
  if (error == http::error::body_limit) {
    const std::string message = fmt::format(
        "the body has more than {} bytes; split it, or use /points/bulk", options.max_body_bytes);
    co_await RefuseBody(connection, ErrorResponse(413, message, route.dialect, 0));
  }
  if (error) co_return false;
  body = std::move(parser.get().body());
  co_return true;
}

asio::awaitable<bool> Server::Impl::ServeBulk(Connection& connection, HeaderParser& header,
                                              Request request) {
  const auto database = service.database();
  const bool keep_alive = header.get().keep_alive();
  const std::string collection = CollectionOf(request);
  const auto bulk_options = ReadBulkOptions(request.query);
  absl::Status refused = bulk_options.status();
  if (!database->HasCollection(collection)) {
    refused = absl::NotFoundError(fmt::format("Collection `{}` doesn't exist!", collection));
  }
  if (!refused.ok()) {
    co_await RefuseBody(connection, ErrorResponse(refused, Dialect::kQdrant, 0));
    co_return false;
  }
  connection.call = std::stop_source();
  auto import = std::make_shared<BulkImport>(database, collection, *bulk_options,
                                             connection.call.get_token());
  http::request_parser<http::buffer_body> parser(std::move(header));
  parser.body_limit(boost::none);
  std::vector<char> chunk(kBulkChunkBytes);
  error_code error;
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    connection.phase = Connection::Phase::kReading;
    connection.ExpireAfter(std::chrono::seconds(options.io_seconds));
    co_await http::async_read_some(connection.socket, connection.buffer, parser, Redirect(error));
    if (error == http::error::need_buffer) error = {};
    if (error && drained) break;
    if (error) co_return false;
    const size_t size = chunk.size() - parser.get().body().size;
    connection.ExpireNever();
    connection.phase = Connection::Phase::kRunning;
    // One part after the other: while a part is imported nothing is read, and the client waits.
    std::function<Response()> feed = [import, &chunk, size] {
      import->Feed(std::string_view(chunk.data(), size));
      return Response();
    };
    const Response fed = co_await RunBulkPart(std::move(feed));
    if (drained) break;
    if (fed.status != 200) {
      co_await RefuseBody(connection, fed);
      co_return false;
    }
  }
  if (!parser.is_done()) {
    service.metrics().CountTokens(import->tokens());
    co_await RefuseBody(connection, ErrorResponse(503, kImportEnds, Dialect::kQdrant, 0));
    co_return false;
  }
  connection.phase = Connection::Phase::kRunning;
  std::function<Response()> finish = [import] { return import->Finish(); };
  Response response = co_await RunBulkPart(std::move(finish));
  service.metrics().CountTokens(import->tokens());
  if (import->stopped()) response = ErrorResponse(503, kImportEnds, Dialect::kQdrant, 0);
  co_return co_await Reply(connection, std::move(response), keep_alive);
}

void Server::Impl::EndCall(Connection& connection) {
  error_code ignored;
  switch (connection.phase) {
    case Connection::Phase::kReading:
      connection.call.request_stop();
      connection.socket.cancel(ignored);
      break;
    case Connection::Phase::kRunning:
      connection.call.request_stop();
      break;
    case Connection::Phase::kAnswering:
      break;
  }
}

Server::Server(const ServerOptions& options, Service& service)
    : impl_(std::make_unique<Impl>(options, service)) {}

Server::~Server() { Stop(); }

absl::Status Server::Start() {
  error_code error;
  const auto address = asio::ip::make_address(
      impl_->options.host == "localhost" ? "127.0.0.1" : impl_->options.host, error);
  if (error) {
    return absl::InvalidArgumentError(
        fmt::format("listen address '{}': expected an IP address", impl_->options.host));
  }
  const tcp::endpoint endpoint(address, impl_->options.port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return absl::UnavailableError(fmt::format("listening on {}:{}: {}", impl_->options.host,
                                              impl_->options.port, error.message()));
  }
  for (const auto& sweep : impl_->sweeps) sweep->Start();
  asio::co_spawn(acceptor.get_executor(), impl_->Accept(), asio::detached);
  impl_->started = true;
  return absl::OkStatus();
}

uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::Stop() {
  if (!impl_->started || impl_->stopping) return;
  impl_->stopping = true;
  asio::post(impl_->acceptor.get_executor(), [this] {
    error_code ignored;
    impl_->acceptor.close(ignored);
  });
  const auto drained =
      std::chrono::steady_clock::now() + std::chrono::seconds(impl_->options.drain_seconds);
  while (true) {
    std::vector<ConnectionPtr> open;
    for (const auto& sweep : impl_->sweeps) {
      const std::vector<ConnectionPtr> some = sweep->All();
      open.insert(open.end(), some.begin(), some.end());
    }
    if (open.empty()) break;
    const auto now = std::chrono::steady_clock::now();
    impl_->drained = now > drained;
    const bool late = now > drained + kStopTime;
    for (const auto& connection : open) {
      if (connection->idle || late) {
        asio::post(connection->socket.get_executor(), [connection] {
          error_code ignored;
          connection->socket.cancel(ignored);
        });
      } else if (impl_->drained) {
        asio::post(connection->socket.get_executor(), [connection] { Impl::EndCall(*connection); });
      }
    }
    if (late) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  impl_->loops.Stop();
  // The posted close may not have run; an open acceptor would let clients connect and wait.
  error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace vecnest::net
