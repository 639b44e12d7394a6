// What libcurl speaks besides HTTP: connect, greet, log in where credentials are given, leave.
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"
#include "checks/probes/curl_loop.hpp"
#include "checks/probes/loaded_files.hpp"

namespace understudy::checks {

// `url` and `files` outlive the attempt.
std::unique_ptr<Attempt> start_url(boost::asio::io_context& context, CurlLoop& loop,
                                   const LoadedFiles& files, const Url& url, Finish finish);

}  // namespace understudy::checks
