// What every transfer through libcurl has in common: what was given to it, what came back, how far
// it has come, and the words for what went wrong.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "checks/outcome.hpp"
#include "checks/probes/curl_loop.hpp"
#include "checks/probes/loaded_files.hpp"
#include "checks/probes/trust_stores.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

// What transfers are made with; all of it outlives them.
struct CurlTools {
    CurlLoop& loop;
    const LoadedFiles& files;
    TrustStores& trust;
};

class CurlTransfer {
public:
    CurlTransfer();
    ~CurlTransfer();
    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;

    CURL* easy() const { return easy_.get(); }
    // No proxy, nothing but these schemes.
    void set_url(const std::string& url, const char* schemes);
    // An empty text, or which file could not be read. `tls` outlives the transfer.
    std::string set_tls(const TlsClient& tls, const CurlTools& tools);
    std::string set_credentials(Credentials kind, const std::string& path,
                                const LoadedFiles& files);
    void add_header(const std::string& line);
    void apply_headers();
    // The connection that it goes over, whatever the URL says. It is the transfer's from now on,
    // and closed with a reset.
    void use(boost::asio::ip::tcp::socket& socket);

    // Since the transfer began.
    Timings timings() const;
    std::string progress() const;
    // "certificate verify failed: certificate has expired".
    std::string error_text(CURLcode code) const;

private:
    static CURLcode on_handshake(CURL* easy, void* context, void* self);
    static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
    static int on_opened(void* self, curl_socket_t socket, curlsocktype purpose);

    Easy easy_;
    bool handshake_begun_ = false;
    const TlsClient* tls_ = nullptr;
    TrustStores* trust_ = nullptr;
    std::string trust_error_;
    curl_slist* headers_ = nullptr;
    curl_slist* connect_ = nullptr;
    int socket_ = -1;  // until libcurl takes it
    std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace understudy::checks
