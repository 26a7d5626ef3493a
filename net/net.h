// Guide to the folder: the doors of Vecnest. A handler parses, makes one engine call and replies.
//
//   http.h           requests and responses as plain structs
//   server.h         Beast on Asio coroutines: connections, limits, time-outs, shutdown
//   answer.h         an answer as HTTP, and how much of it is sent
//   event_loops.h    threads that read requests and run short calls where they were read
//   worker_pool.h    bounded pools for calls that keep a thread for long
//   router.h         the route table as data
//   service.h        the routes; handlers are in routes_*.cc, one file a group
//   json_fields.h    strict reading of JSON objects, with errors that name the field
//   json_text.h      JSON written as text, without values
//   codec_*.h        JSON to engine types and back; pure functions
//   errors.h         status codes to HTTP, in both dialects
//   metrics.h        Prometheus
//   cli/             the command line: one file a subcommand
#ifndef VECNEST_NET_NET_H_
#define VECNEST_NET_NET_H_

#include "net/server.h"
#include "net/service.h"

#endif  // VECNEST_NET_NET_H_
