// site.hpp: what the example server has to offer: a handler for server.hpp.
//
//     GET /            a greeting                          text, with a Content-Length
//     POST /echo       the body of the request
//     GET /count/N     the numbers from 1 to N, a line each   in chunks, as fast as they are read
//
// HEAD is answered wherever GET is. Anything else: 404, 405.
#pragma once

#include "tutorials/examples/http/server.hpp"

namespace http {

/// Answers a request. \suspends not at all; the pieces of /count/N do, while the other side is slow to read
Response site(const Request& request);

}  // namespace http
