// A TLS handshake: does the server prove who it is, and for how long will it?
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <map>
#include <memory>
#include <string>

#include "checks/probes/attempt.hpp"

namespace understudy::checks {

// Certificates and keys, read once while the prober may still read what only root can.
class TlsContexts {
public:
    struct Entry {
        std::unique_ptr<boost::asio::ssl::context> context;
        std::string error;  // which file could not be used; empty: it is ready
    };

    void prepare(const TlsClient& client);
    Entry& at(const TlsClient& client);

private:
    std::map<std::string, Entry> entries_;
};

// `tls` and `contexts` outlive the attempt.
std::unique_ptr<Attempt> start_tls(boost::asio::io_context& context, TlsContexts& contexts,
                                   const Tls& tls, Finish finish);

}  // namespace understudy::checks
