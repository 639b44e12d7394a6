// The authorities that TLS connections trust. Each file is parsed once: libcurl would do it for
// every connection, and would read the system's file while checks wait.
#pragma once

#include <openssl/ossl_typ.h>

#include <map>
#include <memory>
#include <string>

#include "checks/probes/loaded_files.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

class TrustStores {
public:
    // `files` outlives this.
    explicit TrustStores(const LoadedFiles& files) : files_(files) {}

    // Makes connections of `context` trust what `client` trusts. An empty text, or which file is of
    // no use.
    std::string apply(SSL_CTX* context, const TlsClient& client);

private:
    struct Deleter {
        void operator()(X509_STORE* store) const;
    };
    using Store = std::unique_ptr<X509_STORE, Deleter>;

    static Store parse(const std::string& pem);

    const LoadedFiles& files_;
    std::map<std::string, Store> stores_;  // by path; those that could be parsed
};

}  // namespace understudy::checks
