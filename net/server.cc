#include "net/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "boost/asio/io_context.hpp"
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
#include "net/client_watch.h"
#include "net/connection.h"
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

// Somebody waits for a query. Background work has 10.
constexpr int kWriteNice = 5;
constexpr uint32_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kBulkChunkBytes = 256 << 10;
constexpr std::chrono::milliseconds kBulkPause(20);  // before a busy pool is asked again
// What calls that were told to stop have for it, and their answers to leave.
constexpr std::chrono::seconds kStopTime(5);
// How often connections are looked at for what takes too long, and, while calls run, for clients
// that have left.
constexpr std::chrono::milliseconds kSweepPause(250);
constexpr std::chrono::milliseconds kWatchPause(20);
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
        acceptor(io),
        sweep(io),
        queries(static_cast<size_t>(given.query_threads), static_cast<size_t>(given.queue), 0),
        writes(static_cast<size_t>(given.write_threads), static_cast<size_t>(given.queue),
               kWriteNice) {}

  asio::awaitable<void> Accept();
  // Gives up what waits for a socket for too long, and stops calls whose client has left.
  asio::awaitable<void> Sweep();
  // From now on Sweep looks whether the client has left.
  void Watch(Connection& connection);
  asio::awaitable<void> Serve(ConnectionPtr connection);
  // False: close the connection.
  asio::awaitable<bool> ServeOne(Connection& connection);
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
  asio::io_context io{1};  // run by one thread; with the coroutines that hold shares of `bodies`
  tcp::acceptor acceptor;
  asio::steady_timer sweep;
  bool brisk = false;  // the next sweep is soon, for a call runs; of the IO thread alone
  WorkerPool queries;
  WorkerPool writes;
  std::thread io_thread;
  std::atomic<bool> stopping = false;
  std::atomic<bool> drained = false;  // the time to drain is over: calls are asked to stop
  absl::Mutex mutex;
  std::set<ConnectionPtr> connections ABSL_GUARDED_BY(mutex);
};

asio::awaitable<void> Server::Impl::Accept() {
  while (!stopping) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(Redirect(error));
    if (error == asio::error::operation_aborted || stopping) co_return;
    if (error) {
      // Out of file descriptors, most likely: give connections time to close.
      spdlog::warn("accepting a connection: {}", error.message());
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(Redirect(error));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    // For ClientHasLeft and Reply; asynchronous calls never block.
    socket.non_blocking(true, error);
    auto connection = std::make_shared<Connection>(std::move(socket));
    {
      absl::MutexLock lock(&mutex);
      connections.insert(connection);
    }
    asio::co_spawn(io, Serve(std::move(connection)), asio::detached);
  }
}

asio::awaitable<void> Server::Impl::Sweep() {
  while (true) {
    error_code woken;
    sweep.expires_after(brisk ? kWatchPause : kSweepPause);
    co_await sweep.async_wait(Redirect(woken));
    brisk = false;
    const auto now = std::chrono::steady_clock::now();
    absl::MutexLock lock(&mutex);
    for (const ConnectionPtr& connection : connections) {
      error_code ignored;
      if (connection->expires <= now) connection->socket.cancel(ignored);
      if (!connection->watched) continue;
      brisk = true;
      if (ClientHasLeft(*connection)) connection->call.request_stop();
    }
  }
}

void Server::Impl::Watch(Connection& connection) {
  connection.watched = true;
  if (std::exchange(brisk, true)) return;
  sweep.cancel();
}

asio::awaitable<void> Server::Impl::Serve(ConnectionPtr connection) {
  try {
    while (!stopping && co_await ServeOne(*connection)) {
    }
  } catch (const std::exception& error) {
    spdlog::warn("connection closed: {}", error.what());
  }
  error_code ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
  absl::MutexLock lock(&mutex);
  connections.erase(connection);
}

asio::awaitable<bool> Server::Impl::Reply(Connection& connection, Response response,
                                          bool keep_alive) {
  connection.phase = Connection::Phase::kAnswering;
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
  while (!error) {
    co_await connection.socket.async_read_some(asio::buffer(discarded), Redirect(error));
  }
}

asio::awaitable<Response> Server::Impl::Dispatch(const Route& route, Request request) {
  if (route.lane == Lane::kInline) co_return service.Handle(route, request);
  WorkerPool& pool = route.lane == Lane::kQuery ? queries : writes;
  if (!pool.TryEnter()) {
    co_return ErrorResponse(429, "too many requests are waiting; try again later", route.dialect,
                            0);
  }
  auto shared = std::make_shared<const Request>(std::move(request));
  std::function<Response()> call = [this, &route, shared] {
    return service.Handle(route, *shared);
  };
  co_return co_await pool.Run(std::move(call));
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

asio::awaitable<bool> Server::Impl::ServeOne(Connection& connection) {
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
  Watch(connection);
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
  asio::co_spawn(impl_->io, impl_->Accept(), asio::detached);
  asio::co_spawn(impl_->io, impl_->Sweep(), asio::detached);
  impl_->io_thread = std::thread([this] { impl_->io.run(); });
  return absl::OkStatus();
}

uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::Stop() {
  if (!impl_->io_thread.joinable()) return;
  impl_->stopping = true;
  asio::post(impl_->io, [this] {
    error_code ignored;
    impl_->acceptor.close(ignored);
  });
  const auto drained =
      std::chrono::steady_clock::now() + std::chrono::seconds(impl_->options.drain_seconds);
  while (true) {
    std::vector<ConnectionPtr> open;
    {
      absl::MutexLock lock(&impl_->mutex);
      open.assign(impl_->connections.begin(), impl_->connections.end());
    }
    if (open.empty()) break;
    const auto now = std::chrono::steady_clock::now();
    impl_->drained = now > drained;
    const bool late = now > drained + kStopTime;
    for (const auto& connection : open) {
      if (connection->idle || late) {
        asio::post(impl_->io, [connection] {
          error_code ignored;
          connection->socket.cancel(ignored);
        });
      } else if (impl_->drained) {
        asio::post(impl_->io, [connection] { Impl::EndCall(*connection); });
      }
    }
    if (late) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  impl_->io.stop();
  impl_->io_thread.join();
  // The posted close may not have run; an open acceptor would let clients connect and wait.
  error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace vecnest::net
