// HTTP and HTTPS, through libcurl.
#pragma once

#include <memory>

#include "checks/probes/attempt.hpp"
#include "checks/probes/curl_loop.hpp"
#include "checks/probes/loaded_files.hpp"

namespace understudy::checks {

// `http` and `files` outlive the attempt.
std::unique_ptr<Attempt> start_http(boost::asio::io_context& context, CurlLoop& loop,
                                    const LoadedFiles& files, const Http& http, Finish finish);

}  // namespace understudy::checks
