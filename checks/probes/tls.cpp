#include "checks/probes/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <ctime>
#include <utility>

#include "checks/probes/connector.hpp"
#include "checks/probes/immediate.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

namespace ssl = boost::asio::ssl;
using Error = boost::system::error_code;
using boost::asio::ip::tcp;

constexpr long seconds_a_day = 86400;

std::string key_of(const TlsClient& client) {
    return (client.verify ? "1" : "0") + client.ca + '\n' + client.certificate + '\n' + client.key;
}

long days_left(const X509* certificate) {
    int days = 0;
    int seconds = 0;
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
    return days + (seconds < 0 ? -1 : 0);
}

std::string days_of(long days) {
    return std::to_string(days) + (days == 1 ? " day" : " days");
}

class TlsSteps : public std::enable_shared_from_this<TlsSteps> {
public:
    TlsSteps(Resolver& resolver, ssl::context& tls_context, const Tls& tls, Finish finish)
        : tls_(tls),
          finish_(std::move(finish)),
          connector_(std::make_shared<Connector>(resolver, tls.target, std::nullopt)),
          stream_(connector_->socket(), tls_context) {}

    void start() {
        connector_->start([weak = weak_from_this()](const std::string& error) {
            const auto self = weak.lock();
            if (self && self->finish_) {
                self->connected(error);
            }
        });
    }
    void close() {
        finish_ = nullptr;
        connector_->close();
    }
    std::string progress() const {
        return shaking_ ? "in the TLS handshake" : connector_->progress();
    }

private:
    void connected(const std::string& error) {
        if (!error.empty()) {
            end(failure(error));
            return;
        }
        shaking_ = true;
        const std::string& name =
            tls_.tls.server_name.empty() ? tls_.target.host : tls_.tls.server_name;
        SSL* handle = stream_.native_handle();
        // An address is no name: it is not sent, and verified as what it is.
        bool is_verified = false;
        if (IpAddress::parse(name)) {
            is_verified = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), name.c_str()) == 1;
        } else {
            // The macro of OpenSSL has an old-style cast in it.
            SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(name.c_str()));
            is_verified = SSL_set1_host(handle, name.c_str()) == 1;
        }
        if (!is_verified) {  // every name would do
            end(failure("\"" + printable(name, 60) + "\" cannot be verified"));
            return;
        }
        // Not weak: the handshake works in the stream until its handler is called, also when the
        // attempt has ended meanwhile and closed the socket.
        stream_.async_handshake(ssl::stream_base::client,
                                [self = shared_from_this()](const Error& failed) {
                                    if (self->finish_) {
                                        self->shaken(failed);
                                    }
                                });
    }

    void shaken(const Error& error) {
        SSL* handle = stream_.native_handle();
        if (error) {
            end(failure(words_for(error, handle)));
            return;
        }
        connector_->timings().tls = connector_->elapsed();
        const X509* certificate = SSL_get0_peer_certificate(handle);
        const long days = certificate == nullptr ? 0 : days_left(certificate);
        if (tls_.min_days > 0 && days < static_cast<long>(tls_.min_days)) {
            end(failure("certificate " +
                        (days < 0 ? "has expired" : "expires in " + days_of(days)) + ", " +
                        std::to_string(tls_.min_days) + " are asked for"));
            return;
        }
        Outcome outcome;
        outcome.passed = true;
        outcome.detail = std::string{SSL_get_version(handle)} + ", certificate " +
                         (days < 0 ? "has expired" : "valid for " + days_of(days));
        end(std::move(outcome));
    }

    std::string words_for(const Error& error, SSL* handle) const {
        const long verified = SSL_get_verify_result(handle);
        if (tls_.tls.verify && verified != X509_V_OK) {
            return std::string{"certificate verify failed: "} +
                   X509_verify_cert_error_string(verified);
        }
        const bool closed = error == boost::asio::error::eof ||
                            error == ssl::error::stream_truncated ||
                            error == boost::asio::error::connection_reset;
        return closed ? "closed during the TLS handshake" : "TLS handshake failed: " + plain(error);
    }

    void end(Outcome outcome) {
        outcome.timings = connector_->timings();
        outcome.timings.total = connector_->elapsed();
        const Finish done = std::exchange(finish_, nullptr);
        connector_->close();
        if (done) {
            done(std::move(outcome));
        }
    }

    const Tls& tls_;
    Finish finish_;
    std::shared_ptr<Connector> connector_;
    ssl::stream<tcp::socket&> stream_;
    bool shaking_ = false;
};

}  // namespace

std::string TlsContexts::fill(ssl::context& context, const TlsClient& client) {
    Error error;
    context.set_verify_mode(client.verify ? ssl::verify_peer : ssl::verify_none, error);
    if (client.verify) {
        if (std::string trouble = trust_.apply(context.native_handle(), client); !trouble.empty()) {
            return trouble;
        }
    }
    const auto use = [&](const std::string& path, const auto& load) -> std::string {
        const LoadedFiles::File& file = files_.at(path);
        if (!file.error.empty()) {
            return file.error;
        }
        Error refused;
        load(boost::asio::buffer(file.content), refused);
        return refused ? path + ": " + plain(refused) : "";
    };
    if (client.certificate.empty()) {
        return {};
    }
    std::string trouble = use(client.certificate, [&](const auto& pem, Error& refused) {
        context.use_certificate_chain(pem, refused);
    });
    if (trouble.empty()) {
        const std::string& key = client.key.empty() ? client.certificate : client.key;
        trouble = use(key, [&](const auto& pem, Error& refused) {
            context.use_private_key(pem, ssl::context::pem, refused);
        });
    }
    return trouble;
}

// One that cannot be made is tried again: its file may still come.
ssl::context* TlsContexts::at(const TlsClient& client, std::string& error) {
    const std::string key = key_of(client);
    if (const auto found = contexts_.find(key); found != contexts_.end()) {
        return found->second.get();
    }
    auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
    error = fill(*context, client);
    return error.empty() ? contexts_.emplace(key, std::move(context)).first->second.get() : nullptr;
}

std::unique_ptr<Attempt> start_tls(Resolver& resolver, TlsContexts& contexts, const Tls& tls,
                                   Finish finish) {
    std::string error;
    ssl::context* context = contexts.at(tls.tls, error);
    if (context == nullptr) {
        return std::make_unique<Immediate>(resolver.context(), failure(error), std::move(finish));
    }
    auto steps = std::make_shared<TlsSteps>(resolver, *context, tls, std::move(finish));
    steps->start();
    return std::make_unique<Handle<TlsSteps>>(std::move(steps));
}

}  // namespace understudy::checks
