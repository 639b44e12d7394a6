// HTTP and HTTPS, through libcurl.
#pragma once

#include <memory>

#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// The parameters outlive the attempt.
std::unique_ptr<Attempt> start_http(Resolver& resolver, const CurlTools& tools, const Http& http,
                                    Finish finish);

}  // namespace understudy::checks
