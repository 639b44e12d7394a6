// What libcurl speaks besides HTTP: connect, greet, log in where credentials are given, leave.
#pragma once

#include <memory>

#include "checks/probes/curl_transfer.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// The parameters outlive the attempt.
std::unique_ptr<Attempt> start_url(Resolver& resolver, const CurlTools& tools, const Url& url,
                                   Finish finish);

}  // namespace understudy::checks
