#include "checks/probes/trust_stores.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

namespace understudy::checks {

void TrustStores::Deleter::operator()(X509_STORE* store) const {
    X509_STORE_free(store);
}

// None if there is not a certificate in it.
TrustStores::Store TrustStores::parse(const std::string& pem) {
    Store store{X509_STORE_new()};
    const std::unique_ptr<BIO, decltype(&BIO_free)> source{
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
    bool any = false;
    while (X509* certificate = PEM_read_bio_X509_AUX(source.get(), nullptr, nullptr, nullptr)) {
        any = X509_STORE_add_cert(store.get(), certificate) == 1 || any;
        X509_free(certificate);
    }
    ERR_clear_error();  // the end of the file is one
    if (!any) {
        return nullptr;
    }
    // As libcurl has it: whoever is named is trusted, also if somebody else vouches for it.
    X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    return store;
}

std::string TrustStores::apply(SSL_CTX* context, const TlsClient& client) {
    const std::string path = client.ca.empty() ? system_authorities() : client.ca;
    auto found = stores_.find(path);
    if (found == stores_.end()) {
        const LoadedFiles::File& file = files_.at(path);
        if (!file.error.empty()) {
            return file.error;
        }
        Store store = parse(file.content);
        if (!store) {
            return path + ": no certificate in it";
        }
        found = stores_.emplace(path, std::move(store)).first;
    }
    SSL_CTX_set1_cert_store(context, found->second.get());
    return {};
}

}  // namespace understudy::checks
