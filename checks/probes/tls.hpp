// A TLS handshake: does the server prove who it is, and for how long will it?
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <map>
#include <memory>
#include <string>

#include "checks/probes/loaded_files.hpp"
#include "checks/probes/resolver.hpp"
#include "checks/probes/trust_stores.hpp"
#include "checks/processes/attempt.hpp"

namespace understudy::checks {

// What handshakes are made with: from files that were read while the prober could still read what
// only root can.
class TlsContexts {
public:
    // The parameters outlive this.
    TlsContexts(const LoadedFiles& files, TrustStores& trust) : files_(files), trust_(trust) {}

    // None, and which file is of no use.
    boost::asio::ssl::context* at(const TlsClient& client, std::string& error);

private:
    std::string fill(boost::asio::ssl::context& context, const TlsClient& client);

    const LoadedFiles& files_;
    TrustStores& trust_;
    std::map<std::string, std::unique_ptr<boost::asio::ssl::context>> contexts_;
};

// The parameters outlive the attempt.
std::unique_ptr<Attempt> start_tls(Resolver& resolver, TlsContexts& contexts, const Tls& tls,
                                   Finish finish);

}  // namespace understudy::checks
